"""Losses as modules."""

from .. import ops
from ..array_types import IntArray
from ..checks import check_real
from ..tensor import Tensor
from .module import Module


class CrossEntropyLoss(Module):
    """The mean cross-entropy of logits [n, classes] against labels, integers [n].

    `label_smoothing` s: the target is 1 - s for the label plus s / classes for each class. (Szegedy et al., arXiv 1512.00567, section 7)"""

    def __init__(self, *, label_smoothing: float = 0.0) -> None:
        self.label_smoothing = check_real("CrossEntropyLoss", "label_smoothing", label_smoothing, 0, 1)

    def forward(self, x: Tensor, labels: IntArray) -> Tensor:
        return ops.cross_entropy(x, labels, label_smoothing=self.label_smoothing)

    def settings(self) -> str:
        return f"label_smoothing={self.label_smoothing:g}" * (self.label_smoothing > 0)
