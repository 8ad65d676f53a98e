"""Facts about this machine and its measured limits: multiply-adds and bytes per second.

python benchmarks/machine.py [--threads N]"""

import argparse
import importlib.metadata
import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from timing import PAUSE

from minigoog.sparsity.speed.turns import seconds

BLAS_THREADS = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS", "OMP_NUM_THREADS")
PACKAGES = ("numpy", "torch", "onnxruntime", "openvino")
MIB = 2**20


def facts() -> dict[str, Any]:
    """The machine and software of the measurements."""
    import minigoog
    from minigoog.sparsity.runner.machine import processor

    return {"cpu": processor(), "cores": os.cpu_count(), "isa": minigoog.kernels.native.machine.isa(), "minigoog": commit(),
            "python": platform.python_version(), **versions()}


def commit() -> str:
    """The commit of the working tree, with a + where it has been changed."""
    git = ["git", "describe", "--always", "--dirty=+", "--exclude=*"]
    try:
        return subprocess.run(git, capture_output=True, text=True, cwd=Path(__file__).parent).stdout.strip()
    except FileNotFoundError:
        return ""


def versions() -> dict[str, str]:
    """The version of NumPy and of each peer that is installed."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def use_threads(n: int) -> None:
    """Restarts this program if BLAS has another number of threads, which BLAS reads when it is loaded, before any flag."""
    if any(os.environ.get(name) != str(n) for name in BLAS_THREADS):
        os.execve(sys.executable, sys.orig_argv, os.environ | dict.fromkeys(BLAS_THREADS, str(n)))


def peak_gflops(precision: str = "float32") -> float:
    """Products and sums of all threads in use, GFLOP/s: the best burst within two seconds, because other processes may be busy."""
    import minigoog

    best, end = 0.0, time.perf_counter() + 2
    while time.perf_counter() < end:
        best = max(best, minigoog.kernels.native.machine.peak_gflops(precision=precision))
        time.sleep(PAUSE)
    return best


def last_level_cache() -> int:
    """Its size in bytes; 32 MiB if the system does not report it."""
    sizes = [path.read_text().strip() for path in Path("/sys/devices/system/cpu/cpu0/cache").glob("index*/size")]
    return max((int(size[:-1]) * {"K": 2**10, "M": MIB}[size[-1]] for size in sizes if size[-1] in "KM"), default=32 * MIB)


def bandwidth() -> float:
    """Bytes a second, in GB/s: c = a + b on arrays four times the last-level cache, three arrays counted (STREAM's "add")."""
    import minigoog

    n = min(max(4 * last_level_cache(), 64 * MIB), 512 * MIB) // 4
    a, b, c = (np.ones(n, np.float32) for _ in range(3))
    best = min(seconds(lambda: minigoog.kernels.native.add(a, b, out=c)) for _ in range(12))
    return 3 * a.nbytes / best * 1e-9


def main() -> None:
    """Prints what `facts` says and the two limits."""
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--threads", type=int, default=os.cpu_count())
    flags = p.parse_args()
    import minigoog

    minigoog.set_num_threads(flags.threads)
    limits = {"multiply-adds": f"{peak_gflops():.0f} GFLOP/s", "memory": f"{bandwidth():.1f} GB/s", "threads": flags.threads}
    for name, fact in (facts() | limits).items():
        print(f"{name:<16}{fact}")


if __name__ == "__main__":
    main()
