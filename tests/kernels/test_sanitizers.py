"""The kernel tests once more under AddressSanitizer and UndefinedBehaviorSanitizer, with C's assertions on."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def sanitizer():
    """Path of gcc's libasan, or None."""
    if not shutil.which("gcc"):
        return None
    path = subprocess.run(["gcc", "-print-file-name=libasan.so"], capture_output=True, text=True).stdout.strip()
    return path if os.path.isabs(path) else None


@pytest.mark.slow
@pytest.mark.skipif(not sanitizer(), reason="needs gcc and its libasan")
def test_the_kernel_tests_pass_under_the_sanitizers(tmp_path):
    for name in ("csrc", "src", "tests"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("_native*", "__pycache__", "*.egg-info"))
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path / name)
    environment = os.environ | {"MINIGOOG_DEBUG": "1", "MINIGOOG_NATIVE": "require", "CC": "gcc", "OMP_NUM_THREADS": "2"}
    built = subprocess.run([sys.executable, "setup.py", "-q", "build_ext", "--inplace"], cwd=tmp_path, env=environment, capture_output=True,
                           text=True)
    assert built.returncode == 0, built.stderr[-3000:]
    environment |= {"LD_PRELOAD": sanitizer(), "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=1", "PYTHONPATH": str(tmp_path / "src"),
                    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1", "FUZZ_CALLS": "500"}
    tests = ["tests/kernels", "--deselect", "tests/kernels/test_errors.py::test_the_largest_number_of_threads_works",
             "--ignore", "tests/kernels/test_guard_pages.py",  # a SIGSEGV is what that expects; ASan reports it in its own way
             "--ignore", "tests/kernels/test_format.py",  # of the source
             "--ignore", "tests/kernels/test_digests.py",  # bits of the optimized build: gcc fuses multiply-adds from -O2 on
             "-k", "not torch"]  # PyTorch 2.14 aborts under ASan while it is imported
    program = [sys.executable, "-m", "pytest", "-q", "--capture=sys", "-p", "no:cacheprovider"]
    ran = subprocess.run([*program, *tests], cwd=tmp_path, env=environment,
                         capture_output=True, text=True)
    reasons = [line for line in ran.stderr.splitlines() if "runtime error" in line or "Sanitizer" in line]
    assert ran.returncode == 0, "\n".join(reasons[:10]) + ran.stdout[-4000:] + ran.stderr[-2000:]
    where = subprocess.run([sys.executable, "-c", "import minigoog; print(minigoog.__file__)"], cwd=tmp_path, env=environment,
                           capture_output=True, text=True).stdout
    assert str(tmp_path) in where, f"tested {where} instead of the sanitized build"
