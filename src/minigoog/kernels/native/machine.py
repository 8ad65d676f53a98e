"""Which instruction set and how many threads the C kernels use."""

import re
import time
import zlib
from pathlib import Path

from minigoog._native import __file__ as library
from minigoog._native import ffi, lib

ISAS = ("avx512", "avx2", "neon", "plain")


def isa() -> str:
    """The instruction set in use: one of ISAS."""
    name: bytes = ffi.string(lib.mg_isa())
    return name.decode()


def available_isas() -> list[str]:
    """The instruction sets that this CPU and this build support, fastest first."""
    before = lib.mg_isa()
    found = [name for name in ISAS if lib.mg_set_isa(name.encode()) == 0]
    lib.mg_set_isa(before)
    return found


def set_isa(name: str) -> None:
    """Uses the instruction set `name` from now on: for tests and benchmarks. MINIGOOG_ISA does the same at import."""
    if name not in ISAS or lib.mg_set_isa(name.encode()) != 0:
        raise ValueError(f"MINIGOOG_ISA: {name!r} is not available here, expected one of {', '.join(available_isas())}")


def threads() -> int:
    """How many threads the C kernels use."""
    return int(lib.mg_threads())


def set_threads(n: int) -> None:
    """Uses `n` threads from now on (1 in a build without OpenMP, and in a child of fork)."""
    lib.mg_set_threads(1 if _alone else n)


_alone = False


def stay_alone() -> None:
    """After fork, the child uses one thread: OpenMP's other threads do not exist there, and a parallel region would wait forever."""
    global _alone
    _alone = True
    lib.mg_set_threads(1)


def peak_gflops(repeats: int = 20) -> float:
    """The measured peak of all threads together: GFLOP/s of float32 multiply-adds."""
    rounds = 100_000
    best = 0.0
    for _ in range(repeats):
        start = time.perf_counter()
        operations = lib.mg_peak(rounds)
        best = max(best, operations / (time.perf_counter() - start))
    return best * 1e-9


def has_openmp() -> bool:
    """Whether the C kernels were compiled with OpenMP."""
    return bool(lib.mg_has_openmp())


def build() -> str:
    """The compiler of the C kernels, if the file says it, and a checksum of the file: kernels of two builds may round differently."""
    code = Path(library).read_bytes()
    compiler = re.search(rb"GCC: \([^\0]*|clang version [^\0]*", code)
    return f"{compiler[0].decode(errors='replace') if compiler else 'compiled'}, checksum {zlib.crc32(code):08x}"
