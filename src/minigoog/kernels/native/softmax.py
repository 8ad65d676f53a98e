"""Softmax and cross-entropy (csrc/softmax.c)."""

import numpy as np

from minigoog._native import ffi, lib

from ...array_types import Array, IntArray, Shape
from ...checks import check_array, check_labels, check_real
from ..reference.softmax import check_logits
from . import machine, workspace
from .pointers import Pointer, check_float32, dense


def _labels(where: str, labels: IntArray, shape: Shape) -> Pointer:
    return ffi.from_buffer("int64_t[]", check_labels(where, labels, *shape))


def softmax(x: Array) -> Array:
    """exp(x) / sum(exp(x)) along the last axis of `x` [n, classes]."""
    check_float32("softmax", "x", x)
    check_logits("softmax", "x", x)
    y = workspace.empty(x.shape)
    lib.mg_softmax(*x.shape, dense("softmax", "x", x), dense("softmax", "y", y), machine.current())
    return y


def softmax_backward(y: Array, dy: Array) -> Array:
    """Gradient of softmax from its output `y` [n, classes]."""
    check_float32("softmax_backward", "y", y)
    check_logits("softmax_backward", "y", y)
    check_array("softmax_backward", "dy", dy, dtype=y.dtype, shape=y.shape)
    dx = workspace.empty(y.shape)
    where = "softmax_backward"
    lib.mg_softmax_backward(*y.shape, dense(where, "y", y), dense(where, "dy", dy), dense(where, "dx", dx), machine.current())
    return dx


def cross_entropy(logits: Array, labels: IntArray) -> tuple[Array, Array]:
    """(losses [n], probabilities [n, classes]): -log(softmax(logits)[label]) of each row, and the softmax."""
    where = "cross_entropy"
    check_float32(where, "logits", logits)
    check_logits(where, "logits", logits)
    probabilities, losses = workspace.empty(logits.shape), np.empty(len(logits), np.float32)
    lib.mg_cross_entropy(
        *logits.shape,
        dense(where, "logits", logits),
        _labels(where, labels, logits.shape),
        dense(where, "probabilities", probabilities),
        dense(where, "losses", losses),
        machine.current(),
    )
    return losses, probabilities


def cross_entropy_backward(probabilities: Array, labels: IntArray, scale: float) -> Array:
    """scale * (probabilities - one_hot(labels)): gradient of scale * sum of losses with respect to the logits."""
    where = "cross_entropy_backward"
    check_float32(where, "probabilities", probabilities)
    check_logits(where, "probabilities", probabilities)
    dlogits = workspace.empty(probabilities.shape)
    lib.mg_cross_entropy_backward(
        *probabilities.shape,
        dense(where, "probabilities", probabilities),
        _labels(where, labels, probabilities.shape),
        check_real(where, "scale", scale),
        dense(where, "dlogits", dlogits),
        machine.current(),
    )
    return dlogits
