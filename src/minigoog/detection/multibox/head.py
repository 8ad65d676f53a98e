"""The head of MultiBox on the last map of a network that saw the whole picture."""

import numpy as np

from ... import nn, ops
from ...array_types import Array
from ...checks import check_array, check_int
from ...nn import Buffer
from ...tensor import Tensor

NARROW = 64  # channels of the map that the boxes are read from


class MultiBoxHead(nn.Module):
    """From a map [n, h, w, c] of this shape to boxes [n, k, 4], in parts of the picture's sides, and confidences [n, k] (logits).

    priors: float [k, 4], from which the boxes are away by what the head says, which is nothing at first. size: the root mean square of
    maps; what the boxes are read from is divided by it and by the root of how many numbers these are, so that one rate suits all maps."""

    def __init__(self, shape: tuple[int, int, int], priors: Array, size: float = 1.0, narrow: int = NARROW) -> None:
        height, width, channels = (check_int("MultiBoxHead", "shape", n, 1) for n in shape)
        check_array("MultiBoxHead", "priors", priors, 2, dtype=priors.dtype, shape=(len(priors), 4))
        self.shape = shape
        self.priors = Buffer(priors.astype(np.float32))
        self.scale = Buffer(np.array([1 / (size * np.sqrt(height * width * narrow))], np.float32))
        self.narrow = nn.Conv2d(channels, narrow, 1, relu=True)
        self.boxes = nn.Linear(height * width * narrow, 4 * len(priors))
        self.confidences = nn.Linear(height * width * narrow, len(priors))
        for layer in (self.boxes, self.confidences):
            layer.weight.data[...] = 0

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        y = ops.flatten(self.narrow(x)) * float(self.scale.data[0])
        away = ops.reshape(self.boxes(y), (x.shape[0], -1, 4))
        return away + Tensor(np.broadcast_to(self.priors.data, away.shape).copy()), self.confidences(y)
