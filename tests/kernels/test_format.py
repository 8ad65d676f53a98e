"""The C files are as clang-format leaves them (.clang-format). `pip install clang-format==23.1.5`"""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
VERSION = "23."  # others break some lines elsewhere


def clang_format():
    """The path of clang-format of this version, or None."""
    path = shutil.which("clang-format", path=str(Path(sys.executable).parent)) or shutil.which("clang-format")
    version = subprocess.run([path, "--version"], capture_output=True, text=True).stdout if path else ""
    return path if f"version {VERSION}" in version else None


@pytest.mark.skipif(not clang_format(), reason=f"clang-format {VERSION}* is not installed")
def test_the_c_files_are_formatted():
    files = sorted(path for pattern in ("*.c", "*.h", "*.inc") for path in (ROOT / "csrc").glob(pattern))
    done = subprocess.run([clang_format(), "--dry-run", "-Werror", *files], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
