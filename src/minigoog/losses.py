"""Losses."""

from collections.abc import Sequence
from typing import TypeAlias

from .array_types import IntArray
from .ops import cross_entropy
from .tensor import Tensor

AUX_WEIGHT = 0.3
Outputs: TypeAlias = Tensor | tuple[Tensor, ...]  # logits alone, or (logits, *auxiliary logits)


def googlenet_losses(outputs: Outputs, labels: IntArray, label_smoothing: float = 0.0) -> list[Tensor]:
    """The cross-entropy of the classifier and of each auxiliary head, in a list.

    `outputs`: the logits alone, or (logits, *auxiliary logits) as GoogLeNet gives them in training."""
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    return [cross_entropy(logits, labels, label_smoothing=label_smoothing) for logits in outputs]


def googlenet_loss(outputs: Outputs, labels: IntArray, aux_weight: float = AUX_WEIGHT) -> Tensor:
    """The cross-entropy of the main classifier plus `aux_weight` times that of each auxiliary head. (Paper, section 5)"""
    return weighted_sum(googlenet_losses(outputs, labels), aux_weight)


def weighted_sum(losses: Sequence[Tensor], aux_weight: float) -> Tensor:
    """The first loss plus `aux_weight` times each other one; with weight 0 the heads get no gradient at all."""
    total = losses[0]
    for loss in losses[1:] if aux_weight else ():
        total = total + aux_weight * loss
    return total


__all__ = ["cross_entropy", "googlenet_loss", "googlenet_losses", "weighted_sum"]
