"""Softmax and cross-entropy, numerically stable: the largest logit is subtracted first."""

import numpy as np

from ...array_types import Array, IntArray
from ...checks import check_array, check_labels, check_real
from .sums import total


def softmax(x: Array) -> Array:
    """exp(x) / sum(exp(x)) along the last axis of `x` [n, classes]."""
    check_logits("softmax", "x", x)
    e = np.exp(_shifted(x))
    y: Array = e / total(e, 1, keepdims=True)
    return y


def softmax_backward(y: Array, dy: Array) -> Array:
    """Gradient of softmax from its output `y` [n, classes]."""
    check_logits("softmax_backward", "y", y)
    check_array("softmax_backward", "dy", dy, dtype=y.dtype, shape=y.shape)
    dx: Array = y * (dy - total(y * dy, 1, keepdims=True))
    return dx


def cross_entropy(logits: Array, labels: IntArray) -> tuple[Array, Array]:
    """(losses [n], probabilities [n, classes]): -log(softmax(logits)[label]) of each row, and the softmax."""
    check_logits("cross_entropy", "logits", logits)
    labels = check_labels("cross_entropy", labels, *logits.shape)
    shifted = _shifted(logits)
    sums = total(np.exp(shifted), 1)
    return np.log(sums) - shifted[np.arange(len(labels)), labels], np.exp(shifted) / sums[:, None]


def cross_entropy_backward(probabilities: Array, labels: IntArray, scale: float) -> Array:
    """scale * (probabilities - one_hot(labels)): gradient of scale * sum of losses with respect to the logits."""
    check_logits("cross_entropy_backward", "probabilities", probabilities)
    labels = check_labels("cross_entropy_backward", labels, *probabilities.shape)
    check_real("cross_entropy_backward", "scale", scale)
    dlogits = probabilities.copy()
    dlogits[np.arange(len(labels)), labels] -= 1
    return dlogits * probabilities.dtype.type(scale)


def _shifted(x: Array) -> Array:
    """`x` minus the largest of each row; without a warning where that is no number, as in C."""
    with np.errstate(invalid="ignore", over="ignore"):
        shifted: Array = x - x.max(axis=1, keepdims=True)
    return shifted


def check_logits(where: str, name: str, x: Array) -> None:
    """Checks that `x` is [n, classes] with at least one class, for both kinds of kernels."""
    check_array(where, name, x, ndim=2)
    if x.shape[1] < 1:
        raise ValueError(f"{where}: `{name}` has no classes {x.shape}")
