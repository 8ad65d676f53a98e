"""A short run of the fuzzer over all readers; and the fuzzer finds what it looks for."""

import subprocess
import sys
from pathlib import Path

import pytest

from minigoog.reading import DamagedFile, reading

from . import check
from .check import CORPUS, Checker, fault, made, seeds
from .readers import READERS, Reader

ROOT = Path(__file__).resolve().parents[2]


def test_200_changed_files_for_each_reader_are_read_or_refused_by_name(tmp_path):
    command = [sys.executable, "-m", "tests.fuzz", "--inputs", str(200 * len(READERS)), "--seed", "0", "--keep", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.endswith("no faults\n"), done.stdout + done.stderr


def test_an_input_follows_from_the_seed_and_its_number():
    of_reader = seeds("safetensors")
    assert made("safetensors", of_reader, 1, 7) == made("safetensors", of_reader, 1, 7) != made("safetensors", of_reader, 1, 8)


def test_the_corpus_is_small_and_has_files_for_every_reader():
    assert {folder.name for folder in CORPUS.iterdir()} == set(READERS)
    assert all(path.stat().st_size < 1 << 16 for path in CORPUS.rglob("*"))


def parses(path, cause):
    with reading(path, "damaged"):
        raise cause


def refuses(path, message, cause=None):
    raise DamagedFile(message.format(path)) from cause


@pytest.mark.parametrize("read, found", [
    (lambda path: {}["a"], "raised KeyError"),
    (lambda path: parses(path, MemoryError()), "raised MemoryError"),
    (lambda path: refuses(path, "{}: damaged", ImportError()), "hides ImportError"),
    (lambda path: parses(path, AssertionError()), "raised AssertionError"),
    (lambda path: refuses(path, "damaged"), "does not name the file: damaged"),
    (lambda path: refuses(path, "{}" + 2000 * "a"), "says too much"),
    (lambda path: refuses(path, "{}\x1b[2J"), "says too much, or what cannot be printed"),
    (lambda path: refuses(path, "{}: damaged"), ""),
    (lambda path: path, ""),
])  # fmt: skip
def test_the_fuzzer_finds_what_it_looks_for(tmp_path, read, found):
    assert fault(Reader("file", read), tmp_path / "file")[0].startswith(found)


def test_the_fuzzer_ends_what_hangs_and_what_takes_memory(monkeypatch):
    def for_ever(path):
        while path:
            pass

    monkeypatch.setattr(check, "SECONDS", 0.05)
    monkeypatch.setitem(READERS, "idx", Reader("file", for_ever))
    assert Checker(["idx"], 0).limited("idx", b"") == "took more than 0.05 s"
    monkeypatch.setitem(READERS, "idx", Reader("file", lambda path: parses(path, 0) if path.stat().st_size == 0 else bytearray(1 << 28)))
    assert "MemoryError" in Checker(["idx"], 0).limited("idx", b"1")
