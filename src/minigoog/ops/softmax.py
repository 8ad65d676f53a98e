"""Softmax, and softmax with cross-entropy in one operation (stable, and its gradient is a subtraction)."""

import numpy as np

from .. import kernels
from ..op import Op


class Softmax(Op):
    """y = exp(x) / sum(exp(x)), row by row."""

    def forward(self, x):
        self.y = kernels.softmax(x)
        return self.y

    def backward(self, dy):
        return (kernels.softmax_backward(self.y, dy),)


class CrossEntropy(Op):
    """The mean over the rows of -log(softmax(x)[label])."""

    def __init__(self, labels):
        self.labels = labels

    def forward(self, x):
        self.losses, self.probabilities = kernels.cross_entropy(x, self.labels)
        return np.asarray(self.losses.mean(dtype=np.float64), x.dtype) if len(x) else np.zeros((), x.dtype)

    def backward(self, dy):
        scale = float(dy) / max(len(self.losses), 1)
        return (kernels.cross_entropy_backward(self.probabilities, self.labels, scale),)


def softmax(x):
    """Probabilities from logits `x` [n, classes]."""
    return Softmax()(x)


def cross_entropy(x, labels):
    """The mean cross-entropy of logits `x` [n, classes] against `labels`, whole numbers [n] (0 for an empty batch)."""
    return CrossEntropy(labels)(x)
