"""Arrays in, arrays out: the numerical kernels, in C (`native`) or in NumPy (`reference`), chosen once at import.

`kernels.conv2d` and the others are the functions of the kind in use. MINIGOOG_NATIVE decides: "auto" (C if it was built, else
NumPy with a warning), "require" (C or an ImportError), "off" (NumPy).
"""

import os
import warnings
from contextlib import contextmanager

from ..checks import check_int
from . import reference

NOT_BUILT = (
    "minigoog: THE C KERNELS WERE NOT BUILT, everything runs on the slow NumPy kernels. Install a C compiler and reinstall minigoog; "
    "MINIGOOG_NATIVE=off asks for the NumPy kernels and silences this."
)


def _load_native(mode):
    """The package of C kernels, or None where `mode` allows that."""
    if mode not in ("auto", "require", "off"):
        raise ImportError(f"MINIGOOG_NATIVE is {mode!r}, expected auto, require or off")
    if mode == "off":
        return None
    try:
        from . import native
    except ModuleNotFoundError as error:
        if error.name != "minigoog._native":
            raise
        if mode == "require":
            raise ImportError("MINIGOOG_NATIVE=require, but the C kernels were not built: install a C compiler and reinstall") from error
        warnings.warn(NOT_BUILT, RuntimeWarning, stacklevel=2)
        return None
    return native


native = _load_native(os.environ.get("MINIGOOG_NATIVE", "auto"))
backend = "reference"  # the kind in use


def _activate(name):
    globals().update({function: getattr(BACKENDS[name], function) for function in reference.__all__}, backend=name)


BACKENDS = {"reference": reference} | ({"native": native} if native else {})
_activate("native" if native else "reference")


@contextmanager
def use(name):
    """Within a with-block, computes on the kernels `name`, "native" or "reference"; in all threads."""
    if name not in BACKENDS:
        raise ValueError(f"kernels.use: `name` is {name!r}, expected one of {', '.join(BACKENDS)}")
    before = backend
    _activate(name)
    try:
        yield
    finally:
        _activate(before)


MOST_THREADS = 1024  # OpenMP crashes when it cannot have as many as it is asked for


def set_num_threads(n):
    """Lets the C kernels use `n` threads (1 to 1024). The NumPy kernels use as many as NumPy's BLAS does."""
    n = check_int("set_num_threads", "n", n, 1, MOST_THREADS)
    if native:
        native.machine.set_threads(n)


def get_num_threads():
    """How many threads the C kernels use; 1 where there are none."""
    return native.machine.threads() if native else 1
