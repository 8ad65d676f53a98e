"""Programs whose writes or allocations fail: one line that says why, the old file or the whole new one, and then the same command works."""

import os
import re
import shutil
import subprocess
import sys

import pytest

from minigoog.evaluate import __main__ as evaluate
from minigoog.formats import safetensors, saved_model
from minigoog.inspection import __main__ as inspection
from minigoog.models import TinyInception
from minigoog.sparsity import __main__ as sparsity
from tests.faults import failing_allocation, failing_write

FAILING = {"write": failing_write, "allocation": lambda _, at: failing_allocation(at)}
WHY = "o space left|nput/output error|out of memory"
PROGRAMS = {  # the function, its arguments, the file that it makes, and what a whole one ends with
    "page": (inspection.main, ["page", "--model", "lenet5", "--output", "page.html"], "page.html", "</html>\n"),
    "evaluate": (evaluate.main, ["model.safetensors", "--data", "digits", "--json", "out.json"], "out.json", "}\n"),
    "sparsity": (sparsity.main, ["--quick", "--output", "report", "blow_up"], "report/report.html", "</html>\n"),
}


def run_program(capsys, name):
    """(exit code, the lines on standard error, all that was printed) of a program."""
    capsys.readouterr()
    try:
        PROGRAMS[name][0](PROGRAMS[name][1])
        code = 0
    except SystemExit as stop:
        code = stop.code
    printed = capsys.readouterr()
    return code, [line for line in printed.err.splitlines() if line], printed.out + printed.err


def files_of(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The current folder, with a saved model."""
    monkeypatch.chdir(tmp_path)
    info = saved_model.Info("tiny", {"num_classes": 10}, tuple("0123456789"), (8, 8, 1), (50.0,), (80.0,), {})
    saved_model.save("model.safetensors", TinyInception().state_dict(), info)
    return tmp_path


def try_faults(capsys, folder, name, kind, every):
    *_, file, ending = PROGRAMS[name]
    with FAILING[kind](folder, 0) as faults:
        assert run_program(capsys, name)[0] == 0
    whole = files_of(folder)
    for at in faults.kinds()[::every]:
        if name == "sparsity":
            shutil.rmtree(folder / "report")
        else:
            (folder / file).write_text("old")
        with FAILING[kind](folder, at) as fault:
            code, errors, printed = run_program(capsys, name)
        assert fault.happened and "Traceback" not in printed and len(errors) <= 1, (fault.events[-1], errors)
        assert code == 0 or re.search(WHY, printed), (fault.events[-1], printed)
        assert not (folder / file).exists() or (folder / file).read_text() == "old" or (folder / file).read_text().endswith(ending)
        assert run_program(capsys, name)[0] == 0, fault.events[-1]
        assert files_of(folder) == whole and (folder / file).read_text().endswith(ending), fault.events[-1]


@pytest.mark.parametrize("kind", FAILING)
@pytest.mark.parametrize("name", ["page", "evaluate"])
def test_a_program_survives_some_faults(capsys, folder, name, kind):
    try_faults(capsys, folder, name, kind, 3 if kind == "write" else 60)


@pytest.mark.slow
@pytest.mark.parametrize("kind", FAILING)
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_survives_every_fault(capsys, folder, name, kind):
    try_faults(capsys, folder, name, kind, 1)


@pytest.mark.parametrize("every", [9, pytest.param(1, marks=pytest.mark.slow)])
def test_a_saved_model_survives_every_fault(tmp_path, every):
    info = saved_model.Info("tiny", {"num_classes": 10}, tuple("0123456789"), (8, 8, 1), (50.0,), (80.0,), {})
    old, new, path = TinyInception().state_dict(), TinyInception().state_dict(), tmp_path / "model.safetensors"
    saved_model.save(path, old, info)
    before = path.read_bytes()
    with failing_write(tmp_path, 0) as faults:
        saved_model.save(tmp_path / "other.safetensors", new, info)
    whole = (tmp_path / "other.safetensors").read_bytes()
    for at in faults.kinds()[::every]:
        with failing_write(tmp_path, at) as fault:
            try:
                saved_model.save(path, new, info)
            except OSError as error:
                assert re.search(WHY, str(error)) and path.read_bytes() == before, fault.events[-1]
            else:
                assert path.read_bytes() == whole
        assert len(list(tmp_path.iterdir())) == 2, fault.events[-1]
        saved_model.save(path, old, info)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here: a full disk under standard output was not tried")
@pytest.mark.parametrize("arguments", [["completion", "bash"], *(pytest.param(line.split(), marks=pytest.mark.slow) for line in (
    "inspect lab", "inspect summary lenet5", "sparsity --list", "train --tiny --epochs 1 --output run"))], ids=" ".join)
def test_an_output_that_is_full_is_an_error_in_one_line(tmp_path, arguments):
    with open("/dev/full", "w") as full:
        done = subprocess.run([sys.executable, "-m", "minigoog", *arguments], cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode != 0 and re.fullmatch(r".*: standard output: no space left on device.*\n", done.stderr), done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("kib", [4, 8, 64, 200, 450, 700, 900, 1100, 1300, 1500])
def test_a_training_survives_a_file_system_that_is_full(tmp_path, kib):
    command, mounted = [sys.executable, "-m", "minigoog.train"], tmp_path / "small"
    mounted.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kib}k", "tmpfs", mounted], stderr=subprocess.DEVNULL).returncode:
        pytest.skip("a file system cannot be mounted here (needs root)")
    try:
        flags = ["--tiny", "--epochs", "2", "--workers", "0", "--output"]
        done = subprocess.run([*command, *flags, mounted / "run"], capture_output=True, text=True)
        assert done.returncode == 0 or "o space left" in done.stderr and len(done.stderr.strip().splitlines()) == 1, done.stderr
        subprocess.run(["mount", "-o", "remount,size=20m", mounted], check=True)
        if done.returncode and (mounted / "run" / "checkpoint.safetensors").exists():
            again = subprocess.run([*command, "--resume", mounted / "run"], capture_output=True, text=True)
            assert again.returncode == 0 and again.stderr == "", again.stderr
            subprocess.run([*command, *flags, tmp_path / "run"], check=True, capture_output=True)
            names = [path.name for path in (tmp_path / "run").glob("*.safetensors")]
            weights = ([safetensors.load(run / name)[0] for name in names] for run in (tmp_path / "run", mounted / "run"))
            assert all((a[name] == b[name]).all() for a, b in zip(*weights, strict=True) for name in a)
            assert not list((mounted / "run").glob(".*"))
    finally:
        subprocess.run(["umount", mounted], check=True)
