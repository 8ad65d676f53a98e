"""Which instruction set and how many threads the C kernels use."""

from minigoog._native import ffi, lib

ISAS = ("avx512", "avx2", "neon", "plain")


def isa():
    """The instruction set in use: one of ISAS."""
    return ffi.string(lib.mg_isa()).decode()


def available_isas():
    """The instruction sets that this CPU and this build have, fastest first."""
    before = lib.mg_isa()
    found = [name for name in ISAS if lib.mg_set_isa(name.encode()) == 0]
    lib.mg_set_isa(before)
    return found


def set_isa(name):
    """Uses the instruction set `name` from now on: for tests and benchmarks. MINIGOOG_ISA does the same at import."""
    if name not in ISAS or lib.mg_set_isa(name.encode()) != 0:
        raise ValueError(f"MINIGOOG_ISA: {name!r} is not available here, expected one of {', '.join(available_isas())}")


def threads():
    """How many threads the C kernels use."""
    return lib.mg_threads()


def set_threads(n):
    """Uses `n` threads from now on (1 in a build without OpenMP)."""
    lib.mg_set_threads(n)


def has_openmp():
    """Whether the C kernels were compiled with OpenMP."""
    return bool(lib.mg_has_openmp())
