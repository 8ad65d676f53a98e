"""Every example runs as it stands, without a warning, and is short enough to read at once."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from minigoog import kernels

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
each_example = pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)


@each_example
def test_an_example_runs_without_a_warning(path, tmp_path):
    if kernels.native is None and ".compile(" in path.read_text():
        pytest.skip("it compiles a network, which needs the C kernels")
    done = subprocess.run([sys.executable, "-W", "error", path], cwd=tmp_path, capture_output=True, text=True, timeout=300,
                          env=os.environ | {"MPLBACKEND": "agg"})  # fmt: skip
    assert done.returncode == 0 and done.stderr == "", done.stderr
    assert done.stdout.strip()


@each_example
def test_an_example_says_what_it_shows_and_fits_a_screen(path):
    assert ast.get_docstring(ast.parse(path.read_text())) and len(path.read_text().splitlines()) <= 60
