"""Other compilers, another C library (musl), another CPU (64-bit ARM, emulated). `python -m pytest -m slow`"""

import os
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted((ROOT / "csrc").glob("*.c"))
FLAGS = ["-std=gnu11", "-O3", "-Wall", "-Wextra", "-Werror", "-Wno-unknown-pragmas", "-Wno-psabi", "-ffp-contract=fast",
         f"-I{ROOT / 'csrc'}"]
COMPILERS = ["gcc", "clang", "aarch64-linux-gnu-gcc", "musl-gcc"]  # the last: gcc with the C library of Alpine
pytestmark = pytest.mark.slow


def compiler(name):
    return shutil.which(name) or pytest.skip(f"{name} is not installed: it did not compile csrc/")


@pytest.mark.parametrize("name", COMPILERS)
def test_the_kernels_compile_without_a_warning(tmp_path, name):
    subprocess.run([compiler(name), *FLAGS, "-c", *SOURCES], cwd=tmp_path, check=True)


def test_every_driver_runs_with_musl(tmp_path):
    program, sources = tmp_path / "threads", [*SOURCES, *sorted(Path(__file__).parent.glob("threads*.c"))]
    subprocess.run([compiler("musl-gcc"), *FLAGS, "-static", *sources, "-lm", "-o", program], check=True)
    assert "ran" in subprocess.run([program], check=True, capture_output=True, text=True).stdout


def emulation_impossible():
    """Why aarch64.sh cannot run here, or None."""
    if not Path("/etc/debian_version").exists():
        return "aarch64.sh needs Debian"
    if os.geteuid() != 0 and not (shutil.which("qemu-aarch64") and shutil.which("aarch64-linux-gnu-gcc")):
        return "only root can install qemu-user and gcc-aarch64-linux-gnu"
    try:
        socket.create_connection(("deb.debian.org", 80), timeout=10).close()
    except OSError as error:
        return f"no network: {error}"
    return None


def test_the_wheel_and_the_kernel_tests_on_64_bit_arm(tmp_path):
    if reason := emulation_impossible():
        pytest.skip(f"64-bit ARM was not tested: {reason}")
    done = subprocess.run([Path(__file__).with_name("aarch64.sh"), tmp_path], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
