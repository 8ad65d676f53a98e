"""The loss of MultiBox: where the assigned boxes are, and how sure all of them are."""

from collections.abc import Sequence
from copy import copy

import numpy as np

from ...array_types import Array, IntArray
from ...checks import check_array
from ...op import Op
from ...tensor import Tensor
from .matching import ALPHA


class MultiBoxLoss(Op):
    """Of a picture: the sum of alpha / 2 |(l - g) / unit|^2 - log s(c) over assigned boxes, and of - log(1 - s(c)) over the others."""

    def __init__(self, targets: Array, taken: Array, alpha: float, units: Array | float):
        self.targets, self.taken, self.alpha, self.units = targets, taken, alpha, copy(units)

    def forward(self, boxes: Array, confidences: Array) -> Array:
        self.away = ((boxes - self.targets) / self.units * self.taken[..., None]).astype(boxes.dtype)
        self.sure = 1 / (1 + np.exp(-np.clip(confidences, -60, 60)))
        # -log s(c) = log(1 + exp(-c)), and -log(1 - s(c)) = log(1 + exp(c))
        doubts = np.logaddexp(0, np.where(self.taken > 0, -confidences, confidences))
        total = self.alpha / 2 * np.square(self.away, dtype=np.float64).sum() + doubts.sum(dtype=np.float64)
        return np.asarray(total / len(boxes), boxes.dtype)

    def backward(self, dy: Array) -> tuple[Array, Array]:
        scale = dy / len(self.away)
        dboxes = self.alpha * self.away / self.units * scale
        return dboxes.astype(self.away.dtype), ((self.sure - self.taken) * scale).astype(self.sure.dtype)


def multibox_loss(
    boxes: Tensor,
    confidences: Tensor,
    objects: Sequence[Array],
    matches: Sequence[IntArray],
    alpha: float = ALPHA,
    units: Array | float = 1.0,
) -> Tensor:
    """The mean loss of pictures. boxes [n, k, 4] in parts of a picture's sides, confidences [n, k] (logits); objects [m, 4] of each
    picture, and which box answers for each one, -1 for none (`matching`); units [k, 4]: the distance that counts as 1."""
    check_array("multibox_loss", "boxes", boxes.data, 3)
    check_array("multibox_loss", "confidences", confidences.data, 2, shape=boxes.shape[:2])
    if not len(objects) == len(matches) == boxes.shape[0]:
        raise ValueError(f"multibox_loss: {len(objects)} pictures of objects, {len(matches)} of matches, expected {boxes.shape[0]}")
    targets, taken = np.zeros(boxes.shape, boxes.dtype), np.zeros(confidences.shape, boxes.dtype)
    for i, (there, match) in enumerate(zip(objects, matches, strict=True)):
        found = match >= 0
        targets[i, match[found]], taken[i, match[found]] = there[found], 1
    return MultiBoxLoss(targets, taken, alpha, units)(boxes, confidences)
