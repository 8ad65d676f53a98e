"""Everything that a run needs to resume bit-exactly, in one file; an interrupted write leaves the old file."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import rng
from ..array_types import Array
from ..formats import safetensors
from ..reading import json_value, reading, short
from .progress import Progress
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
    if arrays.keys() != own.keys() or any(arrays[name].shape != own[name].shape or arrays[name].dtype != own[name].dtype for name in own):
        raise ValueError(f"{run.path(NAME)}: not a checkpoint of this network with these settings")
    if metadata.get("data") != trainer.setup.fingerprint:
        raise ValueError(f"train: `data` '{trainer.config.data}' has other images or classes than when the run {run.folder} was started")
    with reading(run.path(NAME), "not a checkpoint"):
        progress = _progress(json_value(metadata["progress"], dict), trainer)
        rng.set_state(json_value(metadata["random"], dict))
    for name, array in own.items():
        array[...] = arrays[name]
    trainer.progress = progress
    if trainer.average:
        trainer.average.steps = trainer.progress.total_steps


def _progress(facts: dict[str, Any], trainer: Trainer) -> Progress:
    """The Progress of these facts; ValueError if one of them is missing, unknown or impossible."""
    start, heads = asdict(Progress()), 3 if trainer.setup.info.arguments.get("aux_heads") else 1
    if facts.keys() != start.keys():
        raise ValueError(f"its progress has {short(', '.join(facts))}, expected {', '.join(start)}")
    for name, value in facts.items():
        numbers, kinds = (value, (float,)) if name == "head_losses" else ([value], (int, type(start[name])))
        if not all(type(x) in kinds and -1 <= x < 2**62 for x in numbers):
            raise ValueError(f"`{name}` is {short(value)}, expected {type(start[name]).__name__}")
    if len(facts["head_losses"]) not in (0, heads) or not 0 <= facts["step"] <= len(trainer.loader):
        raise ValueError(f"step {facts['step']} with {len(facts['head_losses'])} losses, of {len(trainer.loader)} steps with {heads}")
    return Progress(**facts)


def _arrays(trainer: Trainer) -> dict[str, Array]:
    """The arrays of a trainer's state by name; not copies."""
    names = [name for name, _ in trainer.model.named_parameters()]
    velocities = dict(zip(names, trainer.optimizer.velocities, strict=True))
    parts = {"weights": trainer.model.state_dict(), "velocities": velocities}
    if trainer.average:
        parts["averages"] = trainer.average.averages
    return {f"{part}/{name}": array for part, arrays in parts.items() for name, array in arrays.items()}
