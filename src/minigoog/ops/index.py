"""Indexing of tensors with NumPy's indices."""

from copy import deepcopy
from typing import Any

import numpy as np

from ..array_types import Array
from ..op import Op
from ..tensor import Tensor
from ..text import short


class Index(Op):
    """y = x[index], a copy: kernels take maps without gaps."""

    def __init__(self, index: Any):
        self.index = deepcopy(index)  # a tuple may hold arrays

    def forward(self, x: Array) -> Array:
        try:
            return np.array(x[self.index], order="C")
        except IndexError as error:  # which ends a loop over a tensor
            raise IndexError(f"index: `index` is {short(self.index)}, but `x` has shape {x.shape}: {error}") from None

    def backward(self, dy: Array) -> tuple[Array]:
        dx = np.zeros(self.inputs[0].shape, dy.dtype)
        np.add.at(dx, self.index, dy)  # += would count a value that is selected twice only once
        return (dx,)


def index(x: Tensor, index: Any) -> Tensor:
    """x[index] with any index that NumPy takes: integers, slices, lists of integers, masks."""
    if isinstance(index, Tensor):
        raise TypeError("index: `index` is a Tensor, expected integers, slices or an array of integers")
    return Index(index)(x)
