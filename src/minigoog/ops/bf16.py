"""What operations that take maps of bf16 share."""

from typing import Any

import numpy as np

from .. import kernels
from ..array_types import Array, BoolArray
from ..tensor import is_bf16


def is_halves(a: Any) -> bool:
    """Whether `a` is a map of bf16."""
    return isinstance(a, np.ndarray) and a.dtype == np.uint16


def in_bf16(x: Array, out: Array | None) -> bool:
    """Whether an operation on `x`, into `out` if that is given, is one on maps of bf16: of float32 within `autocast("bf16")`."""
    if is_halves(x) or is_halves(out):
        return True
    return is_bf16() and x.dtype == np.float32 and not kernels.outline.is_unknown(x)


def is_positive(y: Array) -> BoolArray:
    """Which values of a map, of floats or of bf16, are above 0."""
    found: BoolArray = (y.view(np.int16) if is_halves(y) else y) > 0
    return found
