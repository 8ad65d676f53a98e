"""Memory for results."""

from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from ...array_types import Shape


def empty(shape: Shape, dtype: DTypeLike = np.float32) -> Any:
    """An uninitialised, C-contiguous array."""
    return np.empty(shape, dtype)
