"""Weights that a mapped file holds are copied once, and the memory of their pages is let go of."""

import mmap

import numpy as np
import pytest

from minigoog.importing.weights import laid_out


def resident():
    """Bytes of mapped files in memory."""
    try:
        with open("/proc/self/status") as file:
            return next(int(line.split()[1]) << 10 for line in file if line.startswith("RssFile"))
    except (OSError, StopIteration):
        pytest.skip("no /proc/self/status with RssFile here")


@pytest.mark.parametrize("scaled", [False, True])
def test_a_mapped_file_leaves_memory_as_its_weights_are_copied(tmp_path, scaled):
    size, scale = (512, 8192), np.linspace(1, 2, 512) if scaled else np.ones(512)
    expected = np.random.default_rng(0).standard_normal(size, dtype=np.float32)
    (tmp_path / "weights").write_bytes(b"12345678" + expected.tobytes())
    with open(tmp_path / "weights", "rb") as file:
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    stored = np.frombuffer(memoryview(mapped), np.float32, offset=8).reshape(size)
    before = resident()
    y = laid_out(stored.T, scale)
    assert resident() - before < stored.nbytes // 4
    assert np.array_equal(y, (expected * scale[:, None]).astype(np.float32).T if scaled else expected.T) and y.flags.c_contiguous
    assert np.array_equal(stored, expected)  # read again


def test_weights_in_memory_are_left_alone():
    w = np.arange(12, dtype=np.float32).reshape(3, 4)
    assert np.array_equal(laid_out(w, np.ones(4)), w)
