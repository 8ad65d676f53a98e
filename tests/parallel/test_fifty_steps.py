"""Fifty steps on any number of processes, and after a kill and a resume on another number: the same SHA-256 of the weights."""

import hashlib

import pytest

from minigoog.formats import safetensors

from . import processes
from .processes import ROOT

DIGITS = (400, 10)  # for training: 50 batches of 8
FLAGS = ["--epochs", "1", "--batch-size", "8", "--augment", "none", "--workers", "0", "--lr", "0.003",
         "--threads", "1", "--data-parallel", "--patience", "600"]  # fmt: skip
NETWORKS = {
    "auxiliary heads": ["--model", "googlenet", "--size", "224"],
    "none": ["--model", "small", "--size", "16"],
    "batch normalisation": ["--model", "small", "--size", "16", "--norm"],
}
LIMIT = 1200  # seconds


def sha256(folder):
    arrays = safetensors.load(folder / "last.safetensors")[0]
    return hashlib.sha256(b"".join(name.encode() + arrays[name].tobytes() for name in sorted(arrays))).hexdigest()


def trained(n, *words, program="tests.parallel.few"):
    return processes.run(n, "-m", program, *words, folder=ROOT, limit=LIMIT)


@pytest.mark.slow
@pytest.mark.parametrize("network", NETWORKS)
def test_fifty_steps_have_one_sha256(tmp_path, network):
    flags, found = [*FLAGS, *NETWORKS[network]], {}
    for n in (1, 2, 4, 8):
        done = trained(n, *DIGITS, *flags, "--output", tmp_path / f"{n}")
        assert done.returncode == 0, done.stderr
        found[n] = sha256(tmp_path / f"{n}")
    trained(2, 1, 30, *DIGITS, *flags, "--output", tmp_path / "killed", program="tests.parallel.killed")
    assert not (tmp_path / "killed" / "last.safetensors").exists()
    done = trained(4, *DIGITS, "--resume", tmp_path / "killed")
    assert done.returncode == 0, done.stderr
    found["2, killed, then 4"] = sha256(tmp_path / "killed")
    print(found)
    assert len(set(found.values())) == 1, found
