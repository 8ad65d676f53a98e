"""Who watches a run: `fit(config, callbacks=[...])`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ..text import short

if TYPE_CHECKING:
    from .loop import Trainer


class Callback:
    """Is told how a run goes; a subclass has the methods that it needs. Each process of `mpiexec` has its own.

    The trainer's `model`, `progress`, `config` and `run.folder` may be read; whoever changes weights also changes the run's result,
    and it is no longer resumed bit-exactly."""

    def on_begin(self, trainer: Trainer) -> None:
        """Called before the first step, also of a run that is resumed."""

    def on_steps(self, trainer: Trainer, facts: dict[str, Any]) -> None:
        """Called every 50 steps with the line of metrics.jsonl: step, epoch, losses of the heads, gradient norms, learning rate."""

    def on_epoch(self, trainer: Trainer, facts: dict[str, Any]) -> bool | None:
        """Called after an epoch and its test with the line of metrics.jsonl: epoch, losses, accuracies, rate, times. True ends the run;
        an epoch without a test (`test_every`) gets one then, and its line, with accuracies, is told once more."""

    def on_end(self, trainer: Trainer) -> None:
        """Called at the end of the last epoch, not of a run that is stopped."""


class Several(Callback):
    """Tells each of several."""

    def __init__(self, callbacks: Iterable[Callback]) -> None:
        self.callbacks = list(callbacks)

    def on_begin(self, trainer: Trainer) -> None:
        for callback in self.callbacks:
            callback.on_begin(trainer)

    def on_steps(self, trainer: Trainer, facts: dict[str, Any]) -> None:
        for callback in self.callbacks:
            callback.on_steps(trainer, facts)

    def on_epoch(self, trainer: Trainer, facts: dict[str, Any]) -> bool:
        ends = [callback.on_epoch(trainer, facts) for callback in self.callbacks]  # all are told
        return any(ends)

    def on_end(self, trainer: Trainer) -> None:
        for callback in self.callbacks:
            callback.on_end(trainer)


def checked(callbacks: Iterable[Callback]) -> tuple[Callback, ...]:
    """`callbacks` as a tuple; TypeError if one is none."""
    found = tuple(callbacks)
    for callback in found:
        if not isinstance(callback, Callback):
            raise TypeError(f"train: `callbacks` has {short(callback)}, expected objects of subclasses of Callback")
    return found
