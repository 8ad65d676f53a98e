"""Everything that a run needs to resume bit-exactly, in one file; an interrupted write leaves the old file."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np

from .. import rng
from ..array_types import Array
from ..formats import safetensors
from .run import Run

if TYPE_CHECKING:
    from .loop import Trainer

NAME = "checkpoint.safetensors"


def save(run: Run, trainer: Trainer) -> None:
    """Writes weights, momentum, averages, the state of the random numbers, the progress, and a fingerprint of the data.

    Raises FloatingPointError, and leaves the old file, if a weight is not finite."""
    check_finite(trainer)
    metadata = {"progress": json.dumps(asdict(trainer.progress)), "random": json.dumps(rng.state())}
    safetensors.save(run.path(NAME), _arrays(trainer), metadata | {"data": trainer.setup.fingerprint})


def check_finite(trainer: Trainer) -> None:
    """Raises FloatingPointError if any array of a trainer's state has a value that is not finite."""
    for name, array in _arrays(trainer).items():
        if not np.isfinite(array).all():
            raise FloatingPointError(f"{name} has values that are not finite")


def load(run: Run, trainer: Trainer) -> None:
    """Restores the state of a trainer from `save`; ValueError, naming the file, if the network or the data is different."""
    arrays, metadata = safetensors.load(run.path(NAME))
    own = _arrays(trainer)
    if arrays.keys() != own.keys() or any(arrays[name].shape != own[name].shape for name in own):
        raise ValueError(f"{run.path(NAME)}: not a checkpoint of this network with these settings")
    if metadata.get("data") != trainer.setup.fingerprint:
        raise ValueError(f"train: `data` '{trainer.config.data}' has other images or classes than when the run {run.folder} was started")
    for name, array in own.items():
        array[...] = arrays[name]
    trainer.progress = type(trainer.progress)(**json.loads(metadata["progress"]))
    if trainer.average:
        trainer.average.steps = trainer.progress.total_steps
    rng.set_state(json.loads(metadata["random"]))


def _arrays(trainer: Trainer) -> dict[str, Array]:
    """The arrays of a trainer's state by name; not copies."""
    names = [name for name, _ in trainer.model.named_parameters()]
    velocities = dict(zip(names, trainer.optimizer.velocities, strict=True))
    parts = {"weights": trainer.model.state_dict(), "velocities": velocities}
    if trainer.average:
        parts["averages"] = trainer.average.averages
    return {f"{part}/{name}": array for part, arrays in parts.items() for name, array in arrays.items()}
