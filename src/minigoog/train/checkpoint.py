"""Everything that a run needs to resume bit-exactly, in one file; an interrupted write leaves the old file."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np

from .. import rng
from ..array_types import Array
from ..formats import safetensors
from ..text import listed
from . import fingerprint
from .run import Run

if TYPE_CHECKING:
    from .loop import Trainer

NAME = "checkpoint.safetensors"


def save(run: Run, trainer: Trainer) -> None:
    """Writes weights, momentum, averages, the state of the random numbers, the progress, and a fingerprint of what
    decides the bits.

    Raises FloatingPointError, and leaves the old file, if a weight is not finite."""
    check_finite(trainer)
    facts = {"progress": asdict(trainer.progress), "random": rng.state(), "fingerprint": trainer.fingerprint}
    safetensors.save(run.path(NAME), _arrays(trainer), {name: json.dumps(value) for name, value in facts.items()})


def check_finite(trainer: Trainer) -> None:
    """Raises FloatingPointError if any array of a trainer's state has a value that is not finite."""
    for name, array in _arrays(trainer).items():
        if not np.isfinite(array).all():
            raise FloatingPointError(f"{name} has values that are not finite")


def load(run: Run, trainer: Trainer, accept_changes: bool = False) -> list[str]:
    """Restores the state of a trainer from `save`. Returns what has changed since, which is a ValueError unless it is accepted.

    Raises ValueError, naming the file, if the network is another one."""
    arrays, metadata = safetensors.load(run.path(NAME))
    own, progress = _arrays(trainer), type(trainer.progress)(**json.loads(metadata["progress"]))
    changes = fingerprint.differences(json.loads(metadata["fingerprint"]), trainer.fingerprint)
    changes += run.metrics_changes(progress.metrics_length)
    if arrays.keys() != own.keys() or any(arrays[name].shape != own[name].shape for name in own):
        raise ValueError(f"{run.path(NAME)}: not a checkpoint of this network with these settings and data{_since(changes)}")
    if changes and not accept_changes:
        raise ValueError(f"train: {run.folder} cannot be resumed bit-exactly{_since(changes)}. `accept_changes` resumes it all the same")
    for name, array in own.items():
        array[...] = arrays[name]
    trainer.progress = progress
    if trainer.average:
        trainer.average.steps = trainer.progress.total_steps
    rng.set_state(json.loads(metadata["random"]))
    return changes


def _since(changes: list[str]) -> str:
    return f". Since its last checkpoint these have changed: {listed(changes, 6, 160)}" if changes else ""


def _arrays(trainer: Trainer) -> dict[str, Array]:
    """The arrays of a trainer's state by name; not copies."""
    names = [name for name, _ in trainer.model.named_parameters()]
    velocities = dict(zip(names, trainer.optimizer.velocities, strict=True))
    parts = {"weights": trainer.model.state_dict(), "velocities": velocities}
    if trainer.average:
        parts["averages"] = trainer.average.averages
    return {f"{part}/{name}": array for part, arrays in parts.items() for name, array in arrays.items()}
