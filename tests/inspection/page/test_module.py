"""The kernels for WebAssembly: the bytes in the repository are those that a clean build gives."""

import re
import runpy
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
BUILD = ROOT / "wasm" / "build.py"
builder = runpy.run_path(str(BUILD)) if BUILD.exists() else {}


@pytest.mark.slow
def test_the_module_is_what_a_clean_build_gives(tmp_path):
    if not shutil.which(builder["COMPILER"]):
        pytest.skip(f"no {builder['COMPILER']} here: the module was not built again (Debian: apt install {' '.join(builder['NEEDS'])})")
    builder["build"](tmp_path / "kernels.wasm")
    assert (tmp_path / "kernels.wasm").read_bytes() == builder["MODULE"].read_bytes(), "csrc has changed: python wasm/build.py"


def test_the_module_exports_what_the_page_calls():
    web = builder["MODULE"].parent
    called = set(re.findall(r"\b(mg_\w+)\(", "".join(path.read_text() for path in web.glob("*.js"))))
    assert called and called <= set(builder["EXPORTS"])
