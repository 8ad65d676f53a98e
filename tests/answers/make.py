"""Asks the other libraries the questions of all test files, and stores their answers: python -m tests.answers.make [TEST FILE ...]

Needs the extra `judges`. The names are as in tests/answers: kernels.test_conv."""

import importlib
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np

from tests.answers import FOLDER, QUESTIONS, asked_now

TESTS = Path(__file__).resolve().parents[1]


def rooms():
    """The test files that ask something."""
    paths = (path.relative_to(TESTS) for path in sorted(TESTS.rglob("test_*.py")) if "\n@asked(" in path.read_text())
    return [".".join(path.with_suffix("").parts) for path in paths]


def make(room):
    """Stores the answers to a test file's questions, with the versions of who gave them."""
    importlib.import_module(f"tests.{room}")
    libraries = sorted({question.library for question in QUESTIONS[room]})
    versions = np.array([f"{name} {version(name)}" for name in libraries])
    np.savez_compressed(FOLDER / f"{room}.npz", versions=versions, **asked_now(room))
    return (FOLDER / f"{room}.npz").stat().st_size


if __name__ == "__main__":
    for room in sys.argv[1:] or rooms():
        print(f"{room}: {make(room):,} bytes")
