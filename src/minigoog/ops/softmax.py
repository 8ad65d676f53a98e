"""Softmax, its logarithm, and softmax with cross-entropy in one operation (stable, and its gradient is a subtraction)."""

from copy import copy

import numpy as np

from .. import kernels
from ..array_types import Array, IntArray
from ..checks import check_array, check_real
from ..op import Op
from ..tensor import Tensor


class Softmax(Op):
    """y = exp(x) / sum(exp(x)), row by row."""

    def forward(self, x: Array) -> Array:
        self.y = kernels.softmax(x)
        return self.y

    def backward(self, dy: Array) -> tuple[Array]:
        return (kernels.softmax_backward(self.y, dy),)


class LogSoftmax(Op):
    """y = log(softmax(x)) = x - log(sum(exp(x))), along the last axis."""

    def forward(self, x: Array) -> Array:
        if check_array("log_softmax", "x", x).ndim < 1 or x.shape[-1] < 1:
            raise ValueError(f"log_softmax: `x` has no classes {x.shape}")
        with np.errstate(invalid="ignore", over="ignore"):  # infinite logits give infinite or NaN results, without a warning as in C
            shifted = x - x.max(axis=-1, keepdims=True)
        self.y = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True, dtype=np.float64)).astype(x.dtype)
        return self.y

    def backward(self, dy: Array) -> tuple[Array]:
        """dx = dy - softmax(x) * sum(dy)."""
        total = dy.sum(axis=-1, keepdims=True, dtype=np.float64).astype(dy.dtype)
        return (np.asarray(dy - np.exp(self.y) * total),)


class CrossEntropy(Op):
    """The mean over the rows of -sum(target * log(softmax(x))), the target 1 for the label and 0 for the other classes.

    With `label_smoothing` s the target is 1 - s for the label plus s / classes for each class. (Szegedy et al., arXiv 1512.00567, 7)
    With `sample_weights` [n] each row's loss is multiplied by its own before the mean."""

    def __init__(self, labels: IntArray, label_smoothing: float = 0.0, sample_weights: Array | None = None):
        self.labels, self.label_smoothing = np.array(labels), check_real("cross_entropy", "label_smoothing", label_smoothing, 0, 1)
        self.sample_weights = copy(sample_weights)

    def forward(self, logits: Array) -> Array:
        self.losses, self.probabilities = kernels.cross_entropy(logits, self.labels)
        if self.label_smoothing and len(logits):
            with np.errstate(invalid="ignore", over="ignore"):  # infinite logits give infinite or NaN losses, without a warning as in C
                self.losses = (1 - self.label_smoothing) * self.losses + self.label_smoothing * self._means(logits)
        if self.sample_weights is not None:
            weights = check_array("cross_entropy", "sample_weights", self.sample_weights, shape=logits.shape[:1])
            self.factors = weights.astype(logits.dtype)
            self.losses *= self.factors
        return np.asarray(self.losses.mean(dtype=np.float64), logits.dtype) if len(logits) else np.zeros((), logits.dtype)

    def _means(self, x: Array) -> Array:
        """The mean of -log p of each row. -log p is log(sum(exp(s))) - s with s = x - largest, and the largest p is 1 / sum(exp(s))."""
        shifted = x - x.max(axis=1, keepdims=True)
        means: Array = -np.log(self.probabilities.max(axis=1)) - shifted.mean(axis=1, dtype=np.float64).astype(x.dtype)
        return means

    def backward(self, dy: Array) -> tuple[Array]:
        scale = float(dy) / max(len(self.losses), 1)
        dx = kernels.cross_entropy_backward(self.probabilities, self.labels, scale)
        if self.label_smoothing:
            dx -= dx.dtype.type(scale * self.label_smoothing / dx.shape[1])
            dx[np.arange(len(dx)), self.labels] += dx.dtype.type(scale * self.label_smoothing)
        if self.sample_weights is not None:
            dx *= self.factors[:, None]
        return (dx,)


def softmax(x: Tensor) -> Tensor:
    """Probabilities from logits `x` [n, classes]."""
    return Softmax()(x)


def log_softmax(x: Tensor) -> Tensor:
    """The logarithms of the probabilities from logits `x` [..., classes], also of those that are too small for a float."""
    return LogSoftmax()(x)


def cross_entropy(logits: Tensor, labels: IntArray, *, label_smoothing: float = 0.0, sample_weights: Array | None = None) -> Tensor:
    """The mean cross-entropy of `logits` [n, classes] against `labels`, integers [n] (0 for an empty batch).

    `sample_weights` [n]: factors of each row's loss; the sum is still divided by n, not by their sum."""
    return CrossEntropy(labels, label_smoothing, sample_weights)(logits)
