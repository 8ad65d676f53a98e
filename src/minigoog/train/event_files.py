"""Metrics as event files, which TensorBoard shows. Needs the package tensorboard (extra tensorboard)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from .callbacks import Callback

if TYPE_CHECKING:
    from .loop import Trainer

FOLDER = "tensorboard"  # in that of the run


def check_installed() -> None:
    """ImportError, naming the extra, if tensorboard is not installed."""
    try:
        import tensorboard  # noqa: F401
    except ImportError:
        raise ImportError("train: `tensorboard` needs the package tensorboard: pip install 'minigoog[tensorboard]'") from None


class EventFiles(Callback):
    """Writes what metrics.jsonl says in one number as a scalar, by the steps done: `tensorboard --logdir RUN/tensorboard` draws them.

    When a run is resumed, TensorBoard is told to drop what came after the checkpoint."""

    def on_begin(self, trainer: Trainer) -> None:
        from tensorboard.compat.proto.event_pb2 import Event, SessionLog
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        self.writer = EventFileWriter(str(trainer.run.path(FOLDER)))
        start = SessionLog(status=SessionLog.START)
        self.writer.add_event(Event(wall_time=time.time(), step=trainer.progress.total_steps + 1, session_log=start))
        self.writer.flush()

    def on_steps(self, trainer: Trainer, facts: dict[str, Any]) -> None:
        heads = {f"loss/head_{i}": loss for i, loss in enumerate(facts["losses"])}
        norms = {f"gradient_norm/{name}": norm for name, norm in facts["gradient_norms"].items()}
        self._add(trainer, heads | norms | {"lr": facts["lr"]})

    def on_epoch(self, trainer: Trainer, facts: dict[str, Any]) -> None:
        numbers = {name: value for name, value in facts.items() if isinstance(value, (int, float)) and name not in ("epoch", "lr")}
        self._add(trainer, {_tag(name): value for name, value in numbers.items()})

    def on_end(self, trainer: Trainer) -> None:
        self.writer.close()

    def _add(self, trainer: Trainer, scalars: dict[str, float]) -> None:
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary

        values = [Summary.Value(tag=tag, simple_value=value) for tag, value in scalars.items()]
        self.writer.add_event(Event(wall_time=time.time(), step=trainer.progress.total_steps, summary=Summary(value=values)))
        self.writer.flush()


def _tag(name: str) -> str:
    """What TensorBoard calls a fact of an epoch; curves of one kind stand together: "loss/test" for "test_loss"."""
    part, _, kind = name.rpartition("_")
    return f"{kind}/{part}" if kind in ("loss", "accuracy") else name
