"""The types that signatures of this package use."""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.floating[Any]]  # float32; float64 on the reference kernels
IntArray: TypeAlias = NDArray[np.integer[Any]]  # labels, indices
BoolArray: TypeAlias = NDArray[np.bool_]
Scalar: TypeAlias = float | np.floating[Any] | np.integer[Any]  # a number of Python or NumPy
Shape: TypeAlias = tuple[int, ...]
Pair: TypeAlias = int | Sequence[int]  # (height, width), or one number for both
Padding: TypeAlias = int | Sequence[int]  # (top, left, bottom, right), (vertical, horizontal), or one number for all
