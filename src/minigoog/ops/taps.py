"""Outputs along an axis that are weighted sums of a few inputs, the taps: what padding and resizing share."""

from typing import NamedTuple

import numpy as np

from ..array_types import Array, IntArray


class Taps(NamedTuple):
    """y[i] = sum over t of weights[i, t] * x[index[i, t]], along an axis of `n` values; `weights` None: all 1."""

    n: int
    index: IntArray  # [outputs, taps]
    weights: Array | None = None

    def gather(self, x: Array, axis: int) -> Array:
        """y, from `x` along `axis`."""
        if self.weights is None:
            return x.take(self.index[:, 0], axis)
        y = x.take(self.index[:, 0], axis) * self._along(axis, x, 0)
        for t in range(1, self.index.shape[1]):
            y += x.take(self.index[:, t], axis) * self._along(axis, x, t)
        return np.asarray(y)

    def scatter(self, dy: Array, axis: int) -> Array:
        """The gradient of `x` from that of y: each output's to its taps. Added in float64."""
        dx = np.zeros((*dy.shape[:axis], self.n, *dy.shape[axis + 1 :]))
        to, rows = np.moveaxis(dx, axis, 0), np.moveaxis(dy, axis, 0)
        for i, taps in enumerate(self.index):
            for t, source in enumerate(taps):
                to[source] += rows[i] if self.weights is None else rows[i] * self.weights[i, t]
        return dx.astype(dy.dtype)

    def _along(self, axis: int, x: Array, t: int) -> Array:
        """The weights of tap `t`, in the type of `x`, to be multiplied with arrays along `axis`."""
        assert self.weights is not None
        return self.weights[:, t].astype(x.dtype).reshape(-1, *[1] * (x.ndim - axis - 1))
