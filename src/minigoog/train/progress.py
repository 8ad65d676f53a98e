"""The position of a run, and sums over the steps so far."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple


class Step(NamedTuple):
    """The results of a step: the loss of each head, how many images were classified correctly, and gradient norms if requested."""

    losses: list[float]
    correct: int
    norms: dict[str, float]


@dataclass
class Progress:
    """The position of a run, `step` steps into `epoch`, and sums over these steps. Part of every checkpoint."""

    epoch: int = 0
    step: int = 0
    total_steps: int = 0
    loss: float = 0.0  # sum over the epoch's images
    correct: int = 0
    epoch_seconds: float = 0.0
    epoch_waited: float = 0.0  # of these, seconds in which no batch was ready
    seconds: float = 0.0  # of all training so far, testing included
    best: float = -1.0
    best_epoch: int = 0
    metrics_length: int = 0  # bytes of metrics.jsonl up to this point
    head_losses: list[float] = field(default_factory=list)  # per head, summed over the steps since the last line of the metrics
    logged: int = 0  # the number of these steps
    ahead: list[int] = field(default_factory=list)  # batches that are done before an earlier one is, as replicas do

    def add(self, losses: Sequence[float], correct: int, images: int, numbers: Sequence[int]) -> None:
        """Adds one step: the loss of each head, the correct images, the images; numbers: of its batches in the epoch."""
        self.step, self.total_steps = self.step + len(numbers), self.total_steps + len(numbers)
        self.ahead = _ahead([*self.ahead, *numbers], self.step)
        self.loss, self.correct = self.loss + losses[0] * images, self.correct + correct
        self.head_losses = [a + b for a, b in zip(self.head_losses or [0.0] * len(losses), losses, strict=True)]
        self.logged += 1

    def mean_losses(self) -> list[float]:
        """The mean loss of each head since this was called last."""
        means = [loss / self.logged for loss in self.head_losses]
        self.head_losses, self.logged = [], 0
        return means

    def at_epoch(self, epoch: int, test_seconds: float) -> "Progress":
        """The position after `epoch` epochs, at the start of the next."""
        seconds = self.seconds + self.epoch_seconds + test_seconds
        return replace(self, epoch=epoch, step=0, loss=0.0, correct=0, epoch_seconds=0.0, epoch_waited=0.0, seconds=seconds, ahead=[])


def _ahead(numbers: Iterable[int], done: int) -> list[int]:
    """Of `done` batches, `numbers` and all before them but for gaps, those behind the first gap."""
    left = sorted(numbers)
    while left and left[0] == done - len(left):
        left.pop(0)
    return left
