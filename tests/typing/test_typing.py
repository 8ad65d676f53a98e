"""Types as an editor or mypy sees them: a correct program passes, and each mistake of a wrong one is found."""

import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]


def mypy(*arguments):
    """mypy's errors, with the settings of pyproject.toml: [(line, code)], and all that it printed."""
    pytest.importorskip("mypy", reason="pip install '.[dev]' brings mypy")
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return [(int(line), code) for line, code in re.findall(r":(\d+): error: .*\[([a-z-]+)\]$", done.stdout, re.M)], done.stdout


def test_the_package_and_what_uses_it_have_no_type_errors():
    """All that [tool.mypy] in pyproject.toml lists, the program of a user among it."""
    errors, text = mypy()
    assert errors == [], text


def test_the_correct_program_runs(capsys):
    runpy.run_path(str(HERE / "user_program.py"), run_name="__main__")
    assert "True" in capsys.readouterr().out


def test_every_mistake_of_the_wrong_program_is_found_and_nothing_else():
    lines = (HERE / "wrong_program.py").read_text().splitlines()
    stated = [(i, line.split("# error: ")[1]) for i, line in enumerate(lines, 1) if "# error: " in line]
    errors, text = mypy(HERE / "wrong_program.py")
    assert errors == stated, text
