"""A convolution's weights from a table of connections: channels that are not connected have no weights."""

from collections.abc import Sequence

import numpy as np

from ..array_types import Array, IntArray
from ..checks import check_array, check_shape
from ..op import Op
from ..tensor import Tensor
from ..text import short


class Connect(Op):
    """w [kh, kw, cin, cout], zero but for w[:, :, inputs[i], outputs[i]] = kernels[:, :, i]."""

    def __init__(self, inputs: Sequence[int], outputs: Sequence[int], channels: tuple[int, int]):
        self.channels = check_shape("connect", "channels", channels, 2)
        self.inputs_of, self.outputs_of = _channels("inputs", inputs, self.channels[0]), _channels("outputs", outputs, self.channels[1])
        if len(self.inputs_of) != len(self.outputs_of):
            raise ValueError(f"connect: `inputs` has {len(self.inputs_of)} channels and `outputs` {len(self.outputs_of)}, expected as many")
        if len(set(zip(self.inputs_of.tolist(), self.outputs_of.tolist(), strict=True))) != len(self.inputs_of):
            raise ValueError("connect: `inputs` and `outputs` have a connection twice")

    def forward(self, kernels: Array) -> Array:
        check_array("connect", "kernels", kernels, ndim=3)
        if kernels.shape[2] != len(self.inputs_of):
            raise ValueError(f"connect: `kernels` has {kernels.shape[2]} kernels, expected {len(self.inputs_of)}, one for each connection")
        w: Array = np.zeros((*kernels.shape[:2], *self.channels), kernels.dtype)
        w[:, :, self.inputs_of, self.outputs_of] = kernels
        return w

    def backward(self, dy: Array) -> tuple[Array]:
        return (np.ascontiguousarray(dy[:, :, self.inputs_of, self.outputs_of]),)


def _channels(name: str, channels: Sequence[int], n: int) -> IntArray:
    """`channels` as an array of integers from 0 to n - 1."""
    found = np.asarray(channels)
    if found.ndim != 1 or (found.size and found.dtype.kind not in "iu"):
        raise TypeError(f"connect: `{name}` is {short(channels)}, expected a list of channels")
    if found.size and not (found.min() >= 0 and found.max() < n):
        raise ValueError(f"connect: `{name}` go from {found.min()} to {found.max()}, expected 0 to {n - 1}")
    return found.astype(np.int64)


def connect(kernels: Tensor, inputs: Sequence[int], outputs: Sequence[int], channels: tuple[int, int]) -> Tensor:
    """Dense weights HWIO with `channels` (in, out) from one kernel [kh, kw, i] for each connection inputs[i] -> outputs[i]."""
    return Connect(inputs, outputs, channels)(kernels)
