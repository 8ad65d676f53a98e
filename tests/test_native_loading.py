"""How the C kernels are found, refused and requested; each case in a separate process."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import minigoog

PACKAGE = Path(minigoog.__file__).parent
COMPUTES = ("import numpy as np; x, w = np.ones((1, 3, 3, 2), np.float32), np.ones((2, 2, 2, 1), np.float32); "
            "assert minigoog.kernels.conv2d(x, w).sum() == 32")
BLOCKED = """
import sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name == "minigoog._native":
            raise ModuleNotFoundError("No module named 'minigoog._native'", name="minigoog._native")
sys.meta_path.insert(0, Blocker())
"""


def python(program, timeout=120, path=None, **environment):
    """Runs a program with these environment variables instead of whatever this process has."""
    mine = {k: v for k, v in os.environ.items() if not k.startswith(("MINIGOOG", "OMP_", "GOMP", "PYTHONPATH", "PYTHONWARNINGS"))}
    mine |= environment | ({"PYTHONPATH": str(path)} if path else {})
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=timeout, env=mine)


def backend(**environment):
    done = python(f"import minigoog; print(minigoog.kernels.backend); {COMPUTES}", **environment)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip(), done.stderr


def test_the_c_kernels_are_taken_where_they_are(native):
    assert backend() == ("native", "") and backend(MINIGOOG_NATIVE="auto") == ("native", "") == backend(MINIGOOG_NATIVE="require")


def test_off_means_numpy_without_a_word():
    assert backend(MINIGOOG_NATIVE="off") == ("reference", "")


@pytest.mark.parametrize("mode", ["nonsense", "", "ON", "0"])
def test_another_mode_is_refused_with_the_known_ones(mode):
    done = python("import minigoog", MINIGOOG_NATIVE=mode)
    assert done.returncode == 1 and f"MINIGOOG_NATIVE is {mode!r}, expected auto, require or off" in done.stderr


def test_without_the_extension_it_warns_loudly_once_and_works():
    program = f"import minigoog, minigoog.kernels, minigoog.ops; print(minigoog.kernels.backend); {COMPUTES}; minigoog.show_config()"
    done = python(BLOCKED + program)
    assert done.returncode == 0 and done.stdout.startswith("reference"), done.stderr
    assert done.stderr.count("THE C KERNELS WERE NOT BUILT") == 1 and "MINIGOOG_NATIVE=off" in done.stderr
    assert "without C kernels" in done.stdout  # show_config


def test_without_the_extension_off_is_silent_and_require_is_an_error():
    assert python(BLOCKED + "import minigoog", MINIGOOG_NATIVE="off").stderr == ""
    done = python(BLOCKED + "import minigoog", MINIGOOG_NATIVE="require")
    assert done.returncode == 1 and "MINIGOOG_NATIVE=require, but the C kernels were not built" in done.stderr


@pytest.fixture
def copied(tmp_path):
    """A copy of the package without its extension."""
    shutil.copytree(PACKAGE, tmp_path / "minigoog", ignore=shutil.ignore_patterns("_native*", "__pycache__"))
    return tmp_path


def here(copied):
    """The editable install comes first on some systems: the copy must be what is imported."""
    return f"import sys; sys.path.insert(0, {str(copied)!r}); import minigoog; assert minigoog.__file__.startswith({str(copied)!r}); "


def test_a_copy_without_the_extension_works_on_numpy(copied):
    done = python(here(copied) + "print(minigoog.kernels.backend); " + COMPUTES, path=copied)
    assert done.returncode == 0 and done.stdout.strip() == "reference", done.stderr
    assert done.stderr.count("THE C KERNELS WERE NOT BUILT") == 1


def test_a_broken_extension_is_shown_with_its_text_and_not_taken_for_a_missing_one(copied):
    (copied / "minigoog" / "_native.abi3.so").write_bytes(b"this is no shared object")
    done = python(here(copied), path=copied)
    assert done.returncode == 1 and "ImportError" in done.stderr and "_native.abi3.so" in done.stderr
    assert "NOT BUILT" not in done.stderr


def test_another_missing_module_is_not_taken_for_the_extension():
    blocked = BLOCKED.replace('"minigoog._native"', '"minigoog.kernels.native.pool"').replace("'minigoog._native'", "pool")
    done = python(blocked + "import minigoog")
    assert done.returncode == 1 and "ModuleNotFoundError" in done.stderr and "NOT BUILT" not in done.stderr


def test_minigoog_isa_chooses_and_refuses(native):
    for isa in native.machine.available_isas():
        done = python(f"import minigoog; print(minigoog.kernels.native.machine.isa()); {COMPUTES}", MINIGOOG_ISA=isa)
        assert done.stdout.strip() == isa, done.stderr
    done = python("import minigoog", MINIGOOG_ISA="nonsense")
    assert done.returncode == 1 and "MINIGOOG_ISA: 'nonsense' is not available here, expected one of" in done.stderr


def test_omp_num_threads_is_honoured(native):
    if not native.machine.has_openmp():
        pytest.skip("built without OpenMP")
    for n in ("1", "3"):
        assert python("import minigoog; print(minigoog.get_num_threads())", OMP_NUM_THREADS=n).stdout.strip() == n


def test_an_absurd_omp_num_threads_does_not_crash(native):
    done = python("import minigoog, numpy as np; assert minigoog.kernels.relu(np.ones(10**6, np.float32)).sum() == 10**6",
                  OMP_NUM_THREADS="100000")
    assert done.returncode == 0, (done.returncode, done.stderr)


def test_the_users_wait_policy_is_left_alone(native):
    assert python("import minigoog, os; print(os.environ['OMP_WAIT_POLICY'])", OMP_WAIT_POLICY="ACTIVE").stdout.strip() == "ACTIVE"


def test_importing_does_not_make_denormal_numbers_zero_for_the_whole_process(native):
    """-ffast-math at link time would."""
    done = python("import minigoog, numpy as np; assert np.float32(1e-40) * np.float32(1) != 0 and float(5e-324) * 1.0 != 0; "
                  "assert minigoog.kernels.relu(np.full(40, 1e-40, np.float32))[0] != 0")
    assert done.returncode == 0, done.stderr
