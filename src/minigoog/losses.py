"""Losses."""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from . import kernels
from .array_types import Array, IntArray
from .checks import check_array, check_real
from .ops import cross_entropy, log_softmax
from .tensor import Tensor, check_tensor
from .text import short

AUX_WEIGHT = 0.3
Outputs: TypeAlias = Tensor | tuple[Tensor, ...]  # logits alone, or (logits, *auxiliary logits)


def googlenet_losses(
    outputs: Outputs, labels: IntArray, label_smoothing: float = 0.0, class_weights: Array | None = None
) -> list[Tensor]:
    """The cross-entropy of the classifier and of each auxiliary head, in a list.

    `outputs`: the logits alone, or (logits, *auxiliary logits) as GoogLeNet gives them in training. `class_weights` [classes]: factors
    of the loss of an image of each class."""
    several = _several("googlenet_losses", outputs)
    weights = None
    if class_weights is not None:
        each = check_array("googlenet_losses", "class_weights", np.asarray(class_weights, several[0].dtype), shape=several[0].shape[1:])
        weights = each.take(labels, mode="clip")  # `cross_entropy` refuses labels that are no class
    return [cross_entropy(logits, labels, label_smoothing=label_smoothing, sample_weights=weights) for logits in several]


def googlenet_loss(outputs: Outputs, labels: IntArray, aux_weight: float = AUX_WEIGHT) -> Tensor:
    """The cross-entropy of the main classifier plus `aux_weight` times that of each auxiliary head. (Paper, section 5)"""
    return weighted_sum(googlenet_losses(_several("googlenet_loss", outputs), labels), aux_weight)


def _several(where: str, outputs: Outputs) -> tuple[Tensor, ...]:
    """`outputs` as a tuple of tensors [n, classes]."""
    several = outputs if isinstance(outputs, tuple) else (outputs,)
    for logits in several:
        check_array(where, "outputs", check_tensor(where, "outputs", logits).data, ndim=2)
    return several


def weighted_sum(losses: Sequence[Tensor], aux_weight: float) -> Tensor:
    """The first loss plus `aux_weight` times each other one; with weight 0 the heads get no gradient at all."""
    if not isinstance(losses, (tuple, list)) or not losses:
        raise TypeError(f"weighted_sum: `losses` is {short(losses)}, expected a list of Tensors")
    check_real("weighted_sum", "aux_weight", aux_weight)
    total = check_tensor("weighted_sum", "losses", losses[0])
    for loss in losses[1:] if aux_weight else ():
        total = total + aux_weight * loss
    return total


def distillation(logits: Tensor, teacher: Array, temperature: float = 1.0) -> Tensor:
    """How far `logits` [n, classes] are from those of a `teacher`, both divided by `temperature`: the mean Kullback-Leibler divergence of
    their probabilities, times temperature^2, so that the size of its gradient hardly depends on it. (Hinton et al. 2015, section 2.1)"""
    where = "distillation"
    x = check_array(where, "logits", check_tensor(where, "logits", logits).data, ndim=2)
    check_array(where, "teacher", teacher, dtype=x.dtype, shape=x.shape)
    t = check_real(where, "temperature", temperature, 0)
    if t == 0:
        raise ValueError("distillation: `temperature` is 0, expected a number above 0")
    p = kernels.softmax(teacher / x.dtype.type(t))
    entropy = -float((p * np.log(np.maximum(p, np.finfo(p.dtype).tiny))).sum(dtype=np.float64))
    cross = (log_softmax(logits * (1 / t)) * Tensor(-p)).sum()
    return (cross - entropy) * (t * t / max(len(x), 1))


__all__ = ["cross_entropy", "distillation", "googlenet_loss", "googlenet_losses", "weighted_sum"]
