"""Arrays in, arrays out: the numerical kernels, in C (`native`) or in NumPy (`reference`).

`kernels.conv2d` and the others are the functions of the kind in use, looked up each time: write `kernels.conv2d`, not
`from minigoog.kernels import conv2d`. MINIGOOG_NATIVE decides at import which kind that is: "auto" (C if it was built, else NumPy with
a warning), "require" (C or an ImportError), "off" (NumPy). `use` changes it for a with-block.
"""

import os
import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from types import ModuleType
from typing import TYPE_CHECKING, Any

from ..checks import check_choice, check_int
from ..modes import Mode
from . import outline, reference

NOT_BUILT = (
    "minigoog: THE C KERNELS WERE NOT BUILT, everything runs on the slow NumPy kernels. Install a C compiler and reinstall minigoog; "
    "MINIGOOG_NATIVE=off selects the NumPy kernels and silences this warning."
)


def _load_native(mode: str) -> ModuleType | None:
    """The package of C kernels, or None if they are missing and `mode` allows that."""
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


native: Any = _load_native(os.environ.get("MINIGOOG_NATIVE", "auto"))
BACKENDS: dict[str, ModuleType] = {"reference": reference} | ({"native": native} if native else {})
_NAMES: dict[str, dict[str, Any]] = {
    kind: {"backend": kind} | {f: getattr(module, f) for f in reference.__all__} for kind, module in BACKENDS.items()
}
for _kind, _module in BACKENDS.items():
    _NAMES[_kind]["bf16"] = _module.bf16_training
_NAMES["outline"] = _NAMES["native" if native else "reference"] | outline.of(native or reference, reference.__all__)
_backend = Mode("minigoog_backend", "native" if native else "reference")

if TYPE_CHECKING:  # both kinds have the same signatures
    from .reference import *  # noqa: F403
    from .reference import bf16_training as bf16  # noqa: F401

    backend: str
else:

    def __getattr__(name):
        """The function `name` of the kernels in use; `backend`, their name."""
        try:
            return _NAMES[_backend.get()][name]
        except KeyError:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None


def use(name: str) -> AbstractContextManager[None]:
    """Within a with-block, computes on the kernels `name`, "native" or "reference".

    It applies to this thread (or asynchronous task) only; a new thread starts with the kernels chosen at import. A generator that
    is suspended inside the block leaves them in use for its caller until the block ends."""
    return _backend.within(check_choice("kernels.use", "name", name, tuple(BACKENDS)))


@contextmanager
def outlining() -> Iterator[outline.Promises]:
    """Within a with-block, computes nothing for arrays whose values are not known (outline.py); gives its count of promised arrays."""
    promises = outline.Promises()
    with _backend.within("outline"), outline.promises.within(promises):
        yield promises


MOST_THREADS = 1024  # OpenMP crashes if it cannot create as many threads as requested


def set_num_threads(n: int) -> None:
    """Lets the C kernels use `n` threads (1 to 1024). The NumPy kernels use as many as NumPy's BLAS does.

    It applies to the whole process, from the next kernel call of any thread on; calls that are running are not disturbed. In the
    child of a fork there is always one thread."""
    n = check_int("set_num_threads", "n", n, 1, MOST_THREADS)
    if native:
        native.machine.set_threads(n)


def get_num_threads() -> int:
    """How many threads the C kernels use; 1 without C kernels."""
    return int(native.machine.threads()) if native else 1
