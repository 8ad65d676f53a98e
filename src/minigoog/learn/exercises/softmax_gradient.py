"""The gradient of softmax and cross-entropy (chapter 10)."""

import numpy as np

from ...array_types import Array, IntArray
from ...kernels import reference
from ..exercise import Case, Exercise


def softmax_gradient(logits: Array, labels: IntArray) -> Array:
    """The gradient of the mean cross-entropy of a batch with respect to its logits [n, classes].

    labels [n]: the number of each image's right class. The loss is the mean over the images of -log(softmax(logits)[label]).
    Returns dlogits [n, classes]. Logits may be as large as 1000."""
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    dlogits: Array = e / e.sum(axis=1, keepdims=True)
    dlogits[np.arange(len(labels)), labels] -= 1
    return dlogits / len(labels)


def _expected(logits: Array, labels: IntArray) -> Array:
    _, probabilities = reference.cross_entropy(logits, labels)
    return reference.cross_entropy_backward(probabilities, labels, 1 / len(labels))


def _case(about: str, logits: list[list[float]], labels: list[int]) -> Case:
    return Case(about, {"logits": np.array(logits, np.float32), "labels": np.array(labels)})


def _random(about: str, n: int, classes: int) -> Case:
    rng = np.random.default_rng(n)
    return _case(about, rng.integers(-3, 4, (n, classes)).tolist(), rng.integers(0, classes, n).tolist())


def _probabilities(logits: Array) -> Array:
    return reference.softmax(logits)


def _overflowing(logits: Array, labels: IntArray) -> Array:
    with np.errstate(over="ignore", invalid="ignore"):
        e = np.exp(logits)
        e /= e.sum(axis=1, keepdims=True)
    e[np.arange(len(labels)), labels] -= 1
    return e / len(labels)


def _down_the_batch(logits: Array, labels: IntArray) -> Array:
    wrong = _probabilities(np.ascontiguousarray(logits.T)).T.copy()
    wrong[np.arange(len(labels)), labels] -= 1
    return wrong / len(labels)


def _whole_batch(logits: Array, labels: IntArray) -> Array:
    e = np.exp(logits - logits.max())
    e /= e.sum()
    e[np.arange(len(labels)), labels] -= 1
    wrong: Array = e / len(labels)
    return wrong


def _columns(logits: Array, labels: IntArray) -> Array:
    """dlogits[:, labels] -= 1"""
    wrong = _probabilities(logits).copy()
    wrong[:, labels] -= 1
    return wrong / len(labels)


def _only_right(logits: Array, labels: IntArray) -> Array:
    right = softmax_gradient(logits, labels)
    wrong = np.zeros_like(right)
    wrong[np.arange(len(labels)), labels] = right[np.arange(len(labels)), labels]
    return wrong


EXERCISE = Exercise(
    softmax_gradient, _expected, title="the gradient of softmax and cross-entropy", chapter=10,
    cases=(
        _case("the three logits of chapter 10", [[2, 1, 0]], [0]),
        _case("the right class is another one", [[2, 1, 0, -1]], [2]),
        _random("3 images of 4 classes", 3, 4),
        _random("8 images of 10 classes", 8, 10),
        _case("a logit of 1000", [[1000, 0, 998], [0, 1000, -1000]], [0, 0]),
    ),
    mistakes={
        "The gradient is summed over the batch, not averaged: the loss is a mean, so each image counts 1 / n.":
            lambda logits, labels: softmax_gradient(logits, labels) * len(labels),
        "This divides by the number of classes, expected by the number of images.":
            lambda logits, labels: softmax_gradient(logits, labels) * len(labels) / logits.shape[1],
        "This is the softmax itself: 1 has to be taken off at the right class of each image.":
            lambda logits, labels: _probabilities(logits) / len(labels),
        "This is the softmax itself, not divided by the number of images either: take 1 off at the right class, then divide.":
            lambda logits, labels: _probabilities(logits),
        "The sign is wrong: this is the direction in which the loss falls, the gradient points where it rises.":
            lambda logits, labels: -softmax_gradient(logits, labels),
        "A large logit overflows: exp(1000) is infinite. Subtract the largest logit of each row first: the same softmax.": _overflowing,
        "The softmax runs down the batch: each row, one image, has to add up to 1 (axis=1).": _down_the_batch,
        "The softmax is over the whole batch: each row, one image, has to add up to 1 (axis=1, keepdims=True).": _whole_batch,
        "[:, labels] takes 1 off in every row, at the classes of all images. [np.arange(n), labels] is one place in each row.": _columns,
        "Only the right class has a gradient here: the others have one too, their probability.": _only_right,
    },
    hints=(
        "Work out the derivative of -log(e^x0 / (e^x0 + e^x1 + e^x2)) by x0, and by x1. Both contain a softmax.",
        "For one image it is the softmax, minus 1 at the right class.",
        "One place in each row: dlogits[np.arange(len(labels)), labels] -= 1. The loss is a mean: divide by the number of images.",
    ),
)  # fmt: skip
