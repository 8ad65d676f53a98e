"""All that a run needs to go on to the same bits, in one file that is always a whole one, the old or the new."""

import json
from dataclasses import asdict

import numpy as np

from .. import rng
from ..formats import safetensors

NAME = "checkpoint.safetensors"


def save(run, trainer):
    """Writes weights, momentum, averages, the state of the random numbers and the place in the epoch.

    Raises FloatingPointError, and leaves the old file, if a weight is not finite."""
    arrays = _arrays(trainer)
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            raise FloatingPointError(f"{name} has values that are not finite")
    metadata = {"progress": json.dumps(asdict(trainer.progress)), "random": json.dumps(rng.state())}
    safetensors.save(run.path(NAME), arrays, metadata)


def load(run, trainer):
    """Puts a trainer back to where `save` was called; ValueError, naming the file, if it holds another network's state."""
    arrays, metadata = safetensors.load(run.path(NAME))
    own = _arrays(trainer)
    if arrays.keys() != own.keys() or any(arrays[name].shape != own[name].shape for name in own):
        raise ValueError(f"{run.path(NAME)}: not a checkpoint of this network with these settings")
    for name, array in own.items():
        array[...] = arrays[name]
    trainer.progress = type(trainer.progress)(**json.loads(metadata["progress"]))
    if trainer.average:
        trainer.average.steps = trainer.progress.total_steps
    rng.set_state(json.loads(metadata["random"]))


def _arrays(trainer):
    """The arrays of a trainer's state by name: the arrays themselves, not copies."""
    names = [name for name, _ in trainer.model.named_parameters()]
    velocities = dict(zip(names, trainer.optimizer.velocities, strict=True))
    parts = {"weights": trainer.model.state_dict(), "velocities": velocities}
    if trainer.average:
        parts["averages"] = trainer.average.averages
    return {f"{part}/{name}": array for part, arrays in parts.items() for name, array in arrays.items()}
