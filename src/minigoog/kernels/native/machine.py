"""Which instruction set and how many threads the C kernels use.

Both are in one struct mg_machine that is never changed: `set_isa` and `set_threads` replace it. A kernel call asks for `current()` once
and passes it to all its C functions, so scratch is measured and weights are packed for the machine that then uses them, whatever
other threads set meanwhile.
"""

import re
import time
import zlib
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, TypeAlias

from minigoog._native import __file__ as library
from minigoog._native import ffi, lib

from ...locks import new_lock
from ...modes import Mode

Machine: TypeAlias = Any  # struct mg_machine *

ISAS = ("avx512", "avx2", "neon", "plain")  # by enum mg_isa

_lock = new_lock()  # for those who replace it
_alone = False
_most_threads = Mode("minigoog_most_threads", 0)  # 0: any number


def _new(isa: int, threads: int) -> Machine:
    return ffi.new("struct mg_machine *", (isa, threads if lib.mg_has_openmp() else 1))


_current = _new(next(i for i in range(len(ISAS)) if lib.mg_has_isa(i)), lib.mg_default_threads())


def new(isa: str, threads: int) -> Machine:
    """A machine that is not the current one: that of a plan from a file."""
    return _new(ISAS.index(isa), threads)


def current() -> Machine:
    """The instruction set and the number of threads in use."""
    most = _most_threads.get()
    return _new(_current.isa, most) if 0 < most < _current.threads else _current


def at_most(n: int) -> AbstractContextManager[None]:
    """Within a with-block, kernels that this thread calls use at most `n` threads: the others are for other threads like it."""
    return _most_threads.within(n)


def isa_of(m: Machine) -> str:
    """The instruction set of `m`: one of ISAS."""
    return ISAS[m.isa]


def isa() -> str:
    """The instruction set in use: one of ISAS."""
    return isa_of(current())


def available_isas() -> list[str]:
    """The instruction sets that this CPU and this build support, fastest first."""
    return [name for i, name in enumerate(ISAS) if lib.mg_has_isa(i)]


def set_isa(name: str) -> None:
    """Uses the instruction set `name` from now on: for tests and benchmarks. MINIGOOG_ISA does the same at import."""
    global _current
    if name not in available_isas():
        raise ValueError(f"MINIGOOG_ISA: {name!r} is not available here, expected one of {', '.join(available_isas())}")
    with _lock:
        _current = _new(ISAS.index(name), _current.threads)


def threads() -> int:
    """How many threads the C kernels use."""
    return int(current().threads)


def set_threads(n: int) -> None:
    """Uses `n` threads from now on (1 in a build without OpenMP, and in a child of fork)."""
    global _current
    with _lock:
        _current = _new(_current.isa, 1 if _alone else n)


def stay_alone() -> None:
    """After fork, the child uses one thread: OpenMP's other threads do not exist there, and a parallel region would wait forever."""
    global _alone
    _alone = True
    set_threads(1)


def peak_gflops(repeats: int = 20, precision: str = "float32") -> float:
    """The measured peak of all threads together: products and sums of "float32", "bf16" or "int8" in GFLOP/s (GOP/s)."""
    burst = {"float32": lib.mg_peak, "bf16": lib.mg_bf16_peak, "int8": lib.mg_int8_peak}[precision]
    rounds, m = 100_000, current()
    best = 0.0
    for _ in range(repeats):
        start = time.perf_counter()
        operations = burst(rounds, m)
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
