"""Box regression: from the map of a crop to where the object's box is, by ridge regression. (Girshick et al. 2014, appendix C)"""

from typing import NamedTuple

import numpy as np

from ...array_types import Array, BoolArray

LEAST_OVERLAP = 0.6  # IoU of a window with its object, to learn from it
LAMBDA = 1000.0
SMALL = 1e-3  # added to the variances of the targets, as the original does
LARGEST = 1000 / 16  # times as wide or high as the window: what a regression far from its data may ask for


class Regression(NamedTuple):
    """weight float32 [features, 4] and bias [4] from features of a crop to targets as `targets_of` has them."""

    weight: Array
    bias: Array

    def targets(self, x: Array) -> Array:
        """float64 [n, 4] of features [n, features]."""
        return np.asarray((x @ self.weight + self.bias).astype(np.float64))


def targets_of(boxes: Array, objects: Array, mirrored: BoolArray | None = None) -> Array:
    """[n, 4]: how far the object's centre is from the box's, in widths and heights of the box, and the logarithms of how many times as
    wide and high it is. mirrored: of crops that are turned left to right, the first has the other sign."""
    sides, wanted = boxes[:, 2:] - boxes[:, :2], objects[:, 2:] - objects[:, :2]
    away = ((objects[:, :2] + objects[:, 2:]) - (boxes[:, :2] + boxes[:, 2:])) / 2 / sides
    if mirrored is not None:
        away[mirrored, 0] *= -1
    return np.concatenate([away, np.log(wanted / sides)], axis=1)


def moved(boxes: Array, targets: Array) -> Array:
    """The boxes [n, 4] that these targets mean: the inverse of `targets_of`."""
    sides = boxes[:, 2:] - boxes[:, :2]
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2 + targets[:, :2] * sides
    halves = np.exp(np.clip(targets[:, 2:], -np.log(LARGEST), np.log(LARGEST))) * sides / 2
    return np.concatenate([centres - halves, centres + halves], axis=1)


def ridge(x: Array, y: Array, penalty: float = LAMBDA) -> Regression:
    """The Regression with the least squares of errors of whitened targets, and `penalty` times those of the weights.

    x: float32 [n, features], scaled to a mean norm of 20 by the caller as for the other heads; y: [n, 4]. The targets are whitened, so that
    one penalty suits all four; the bias is a feature of 1, which is penalised too, as in the original."""
    mean = y.mean(axis=0)
    values, vectors = np.linalg.eigh((y - mean).T @ (y - mean) / len(y))
    root = np.sqrt(values + SMALL)
    white, back = (vectors / root) @ vectors.T, (vectors * root) @ vectors.T
    a = np.concatenate([x, np.ones((len(x), 1), np.float32)], axis=1)
    solution = _solved(a, ((y - mean) @ white).astype(np.float32), penalty) @ back
    return Regression(solution[:-1].astype(np.float32), (solution[-1] + mean).astype(np.float32))


def _solved(a: Array, y: Array, penalty: float) -> Array:
    """(a'a + penalty)^-1 a'y, by the smaller of the two systems of equations."""
    n, k = a.shape
    if n < k:
        return np.asarray(a.T @ np.linalg.solve(a @ a.T + penalty * np.eye(n, dtype=a.dtype), y), np.float64)
    return np.asarray(np.linalg.solve(a.T @ a + penalty * np.eye(k, dtype=a.dtype), a.T @ y), np.float64)
