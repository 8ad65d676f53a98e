"""No kernel reads or writes a single float beyond its arrays (see guard.py)."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("arguments", [[], ["changing"]], ids=["one thread", "threads and instruction set change at every look"])
def test_no_kernel_touches_the_pages_before_and_after_its_arrays(native, arguments):
    done = subprocess.run([sys.executable, "-X", "faulthandler", "-m", "tests.kernels.guard", *arguments], cwd=ROOT, capture_output=True,
                          text=True, timeout=300, env=os.environ | {"OMP_NUM_THREADS": "1"})
    assert done.returncode == 0 and "all inside" in done.stdout, f"exit code {done.returncode}\n{done.stderr[-3000:]}"


def test_a_guard_page_does_stop_a_read(native):
    """The judge judged: one float before and one after a guarded array end the process."""
    for side, offset in (("before", -4), ("after", 4 * 3)):
        program = (f"import ctypes; from tests.kernels.guard import guarded; a = guarded((3,), {side!r}); a[...] = 1; "
                   f"ctypes.c_float.from_address(a.ctypes.data + {offset}).value")
        assert subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, timeout=60).returncode == -11  # SIGSEGV
