"""A convolution's weights from a table of connections: channels that are not connected have no weights."""

from collections.abc import Sequence

import numpy as np

from ..array_types import Array
from ..checks import check_array
from ..op import Op
from ..tensor import Tensor


class Connect(Op):
    """w [kh, kw, cin, cout], zero but for w[:, :, inputs[i], outputs[i]] = kernels[:, :, i]."""

    def __init__(self, inputs: Sequence[int], outputs: Sequence[int], channels: tuple[int, int]):
        self.inputs_of, self.outputs_of, self.channels = np.asarray(inputs), np.asarray(outputs), channels

    def forward(self, kernels: Array) -> Array:
        check_array("connect", "kernels", kernels, ndim=3)
        if kernels.shape[2] != len(self.inputs_of):
            raise ValueError(f"connect: `kernels` has {kernels.shape[2]} kernels, expected {len(self.inputs_of)}, one for each connection")
        w: Array = np.zeros((*kernels.shape[:2], *self.channels), kernels.dtype)
        w[:, :, self.inputs_of, self.outputs_of] = kernels
        return w

    def backward(self, dy: Array) -> tuple[Array]:
        return (np.ascontiguousarray(dy[:, :, self.inputs_of, self.outputs_of]),)


def connect(kernels: Tensor, inputs: Sequence[int], outputs: Sequence[int], channels: tuple[int, int]) -> Tensor:
    """Dense weights HWIO with `channels` (in, out) from one kernel [kh, kw, i] for each connection inputs[i] -> outputs[i]."""
    return Connect(inputs, outputs, channels)(kernels)
