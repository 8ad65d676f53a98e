"""Parameters of networks from files, which stay where they are stored until somebody uses them."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .. import kernels
from ..array_types import Array, Shape
from ..locks import new_lock
from .module import Parameter

_lock = new_lock()
BLOCK = 64  # output channels that are made at a time


class StoredParameter(Parameter):
    """A Parameter [..., output channels] whose array is made when `data` is first read: from then on it is an ordinary Parameter.

    part: makes the array of a slice of its output channels. A plan packs its weights from these, so that the whole array is never made."""

    def __init__(self, shape: Shape, part: Callable[[slice], Array]) -> None:
        self.grad, self.op, self.requires_grad = None, None, True
        self._shape, self.part = shape, part

    @property
    def data(self) -> Array:
        if kernels.outline.promises.get():
            return kernels.outline.promised(self.shape)
        with _lock:
            if type(self) is StoredParameter:  # else another thread has made it
                self._become(self.part(slice(0, self.shape[-1])))
        return self.held

    @data.setter
    def data(self, array: Array) -> None:
        self._become(array)

    def _become(self, array: Array) -> None:
        self.held = array
        vars(self).clear()
        self.__class__ = Parameter  # type: ignore[assignment]

    @property
    def shape(self) -> Shape:
        """The size of each axis."""
        return vars(self).get("_shape") or self.data.shape  # another thread may just have made it

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of values."""
        return int(np.prod(self.shape))

    @property
    def dtype(self) -> np.dtype[Any]:
        """float32."""
        return np.dtype(np.float32)

    def parts(self) -> Iterator[Array]:
        """Its array, some output channels at a time."""
        for start in range(0, self.shape[-1], BLOCK):
            yield self.part(slice(start, min(start + BLOCK, self.shape[-1])))

    def __reduce_ex__(self, protocol: Any) -> Any:
        _ = self.data  # an ordinary Parameter is copied or written
        return Parameter.__reduce_ex__(self, protocol)
