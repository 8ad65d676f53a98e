"""Programs of benchmarks/ as modules."""

import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture
def load(monkeypatch):
    """A function that imports a file of benchmarks/, for this test alone."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(BENCHMARKS)
    yield __import__
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(BENCHMARKS)):
            del sys.modules[name]
