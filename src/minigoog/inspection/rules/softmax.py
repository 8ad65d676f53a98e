"""Softmax, its logarithm, and softmax with cross-entropy."""

from typing import Any

import numpy as np

from ...array_types import Array, Shape
from ...ops.softmax import CrossEntropy, LogSoftmax, Softmax
from .breakdown import Breakdown, add_up
from .rule import Context, Pointwise, rule_for


@rule_for(Softmax)
class SoftmaxRule(Pointwise):
    """exp(x), divided by the sum of its row."""

    function = kernel = "softmax"
    gradient_kernels = ("softmax_backward",)

    def output(self, op: Any, index: Shape) -> Breakdown:
        n, c = index
        x = op.inputs[0].data[n].astype(np.float64)
        e = np.exp(x - x.max())
        parts = {"largest x": float(x.max()), "exp(x - largest)": float(e[c]), "sum of all exp(x - largest)": float(e.sum())}
        return Breakdown("exp(x) / sum(exp(x))", {"x": x}, float(e[c] / e.sum()), parts)

    def gradient(self, op: Any, dy: Array, k: int, index: Shape) -> Breakdown:
        n, c = index
        y = _softmax(op.inputs[0].data[n : n + 1])[0]
        mean = float(dy[n] @ y)
        parts = {"y": float(y[c]), "dy": float(dy[n, c]), "sum(y * dy)": mean}
        return Breakdown("y * (dy - sum(y * dy))", {"y": y, "dy": dy[n]}, float(y[c] * (dy[n, c] - mean)), parts)

    def words(self, op: Any, context: Context) -> str:
        return "Probabilities from logits: none below 0, and their sum is 1."


@rule_for(LogSoftmax)
class LogSoftmaxRule(Pointwise):
    """x, minus the logarithm of the sum of its row's exponentials."""

    function = "log_softmax"

    def output(self, op: Any, index: Shape) -> Breakdown:
        x = op.inputs[0].data[index[:-1]].astype(np.float64)
        log_sum = float(np.log(np.exp(x - x.max()).sum()))
        parts = {"largest x": float(x.max()), "log(sum(exp(x - largest)))": log_sum}
        return Breakdown("x - largest - log(sum(exp(x - largest)))", {"x": x}, float(x[index[-1]] - x.max() - log_sum), parts)

    def gradient(self, op: Any, dy: Array, k: int, index: Shape) -> Breakdown:
        row = index[:-1]
        chance = float(_softmax(op.inputs[0].data[row][None])[0, index[-1]])
        parts = {"dy": float(dy[index]), "softmax(x)": chance, "sum(dy)": float(dy[row].sum(dtype=np.float64))}
        return Breakdown("dy - softmax(x) * sum(dy)", {"dy": dy[row]}, parts["dy"] - chance * parts["sum(dy)"], parts)

    def words(self, op: Any, context: Context) -> str:
        return "The logarithms of the probabilities from logits: none above 0."


@rule_for(CrossEntropy)
class CrossEntropyRule(Pointwise):
    """Minus the logarithm of the probability of the label; its gradient is a subtraction."""

    function, javascript, kernel, kind = "cross_entropy", "cross_entropy", "cross_entropy", "loss"
    runs = True
    gradient_kernels = ("cross_entropy_backward",)
    back = "The loss: its gradient with respect to itself is 1, and the backward pass starts here."

    def output(self, op: Any, index: Shape) -> Breakdown:
        x = op.inputs[0].data
        if not len(x):
            return Breakdown("0: an empty batch", {}, 0.0)
        losses = -(_targets(op) * _log_softmax(x)).sum(axis=1)
        shares = np.full(len(x), 1 / len(x))
        return add_up("sum(-sum(target * log(softmax(x))) * 1 / images)", {"loss of each image": losses, "1 / images": shares})

    def gradient(self, op: Any, dy: Array, k: int, index: Shape) -> Breakdown:
        n, c = index
        factors = {"softmax(x)": _softmax(op.inputs[0].data[n : n + 1])[0, c], "target": _targets(op)[n, c]}
        difference = np.asarray(factors["softmax(x)"] - factors["target"])
        breakdown = add_up("(softmax(x) - target) * dy / images", {"softmax(x) - target": difference, "dy / images": dy / len(op.labels)})
        breakdown.parts = {name: float(number) for name, number in factors.items()}
        return breakdown

    def settings(self, op: Any) -> dict[str, Any]:
        return {"label": int(np.asarray(op.labels)[0]), "smoothing": float(op.label_smoothing)}

    def title(self, op: Any) -> str:
        return "loss"

    def words(self, op: Any, context: Context) -> str:
        return "Minus the logarithm of the predicted probability of the true class: 0 if the network is certain and right."


def _softmax(x: Array) -> Array:
    """exp(x) / sum(exp(x)) of each row in float64."""
    e = np.exp(x.astype(np.float64) - x.max(axis=1, keepdims=True))
    probabilities: Array = e / e.sum(axis=1, keepdims=True)
    return probabilities


def _log_softmax(x: Array) -> Array:
    """The logarithm of `_softmax`, finite also where that is 0."""
    shifted = x.astype(np.float64) - x.max(axis=1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)))


def _targets(op: Any) -> Array:
    """The target of cross-entropy, [n, classes]: 1 for the label; with label smoothing, a share of it for every class."""
    n, classes = op.inputs[0].shape
    right = np.arange(classes) == np.asarray(op.labels)[:, None]
    targets: Array = (1 - op.label_smoothing) * right + op.label_smoothing / classes
    return targets
