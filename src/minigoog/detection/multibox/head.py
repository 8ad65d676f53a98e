"""The head of MultiBox on the last map of a network that saw the whole picture."""

from typing import Any

import numpy as np

from ... import nn, ops
from ...array_types import Array
from ...checks import check_array, check_int
from ...nn import Buffer
from ...tensor import Tensor

NARROW = 64  # channels of the map that the boxes are read from
DOUBT = -4.0  # the confidence at first, as a logit: few boxes hold an object


class MultiBoxHead(nn.Module):
    """From a map [n, h, w, c] of this shape to boxes [n, k, 4], in parts of the picture's sides, and confidences [n, k] (logits).

    sides: float [a, 2], widths and heights in parts of the picture's. Around the centre of each cell of the map stands a prior of each of
    them, k = h w a in all; what the head says of a prior, which is nothing at first, counts in its sides. All cells share their weights
    (arXiv 1412.1441). size: the root mean square of maps, by which they are divided, so that one rate suits all of them."""

    def __init__(self, shape: tuple[int, int, int], sides: Array, size: float = 1.0, narrow: int = NARROW) -> None:
        height, width, channels = (check_int("MultiBoxHead", "shape", n, 1) for n in shape)
        check_array("MultiBoxHead", "sides", sides, 2, dtype=sides.dtype, shape=(len(sides), 2))
        self.shape = shape
        self.sides = Buffer(sides.astype(np.float32))
        self.scale = Buffer(np.array([1 / size], np.float32))
        self.narrow = nn.Conv2d(channels, narrow, 1, relu=True)
        self.boxes = nn.Conv2d(narrow, 4 * len(sides), 3, padding=1)
        self.confidences = nn.Conv2d(narrow, len(sides), 3, padding=1)
        for layer, start in ((self.boxes, 0.0), (self.confidences, DOUBT)):
            bias: Any = layer.bias
            layer.weight.data[...], bias.data[...] = 0, start

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        y = self.narrow(x * float(self.scale.data[0]))
        away = ops.reshape(self.boxes(y), (x.shape[0], -1, 4)) * Tensor(np.tile(self.units(), (x.shape[0], 1, 1)))
        return away + Tensor(np.tile(self.priors(), (x.shape[0], 1, 1))), ops.reshape(self.confidences(y), (x.shape[0], -1))

    def priors(self) -> Array:
        """float32 [k, 4]: row by row, cell by cell, size by size."""
        height, width, _ = self.shape
        x, y = np.meshgrid((np.arange(width) + 0.5) / width, (np.arange(height) + 0.5) / height)
        centres = np.stack([x, y], axis=-1)[:, :, None]
        boxes = np.concatenate([centres - self.sides.data / 2, centres + self.sides.data / 2], axis=-1)
        return np.asarray(boxes.reshape(-1, 4), np.float32)

    def units(self) -> Array:
        """float32 [k, 4]: the sides of each prior, twice."""
        height, width, _ = self.shape
        return np.tile(np.tile(self.sides.data, 2), (height * width, 1))
