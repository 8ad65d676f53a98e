"""All that a run needs to go on to the same bits, in one file that is always a whole one, the old or the new."""

import json
from dataclasses import asdict

import numpy as np

from .. import rng
from ..formats import safetensors

NAME = "checkpoint.safetensors"


def save(run, trainer):
    """Writes weights, momentum, averages, the state of the random numbers, the place in the epoch, and a fingerprint of the data.

    Raises FloatingPointError, and leaves the old file, if a weight is not finite."""
    check_finite(trainer)
    metadata = {"progress": json.dumps(asdict(trainer.progress)), "random": json.dumps(rng.state())}
    safetensors.save(run.path(NAME), _arrays(trainer), metadata | {"data": trainer.setup.fingerprint})


def check_finite(trainer):
    """Raises FloatingPointError if any array of a trainer's state has a value that is not finite."""
    for name, array in _arrays(trainer).items():
        if not np.isfinite(array).all():
            raise FloatingPointError(f"{name} has values that are not finite")


def load(run, trainer):
    """Puts a trainer back to where `save` was called; ValueError, naming it, if the file is another network's or the data have changed."""
    arrays, metadata = safetensors.load(run.path(NAME))
    own = _arrays(trainer)
    if arrays.keys() != own.keys() or any(arrays[name].shape != own[name].shape for name in own):
        raise ValueError(f"{run.path(NAME)}: not a checkpoint of this network with these settings")
    if metadata.get("data") != trainer.setup.fingerprint:
        raise ValueError(f"train: `data` '{trainer.config.data}' has other images or classes than when {run.folder} began")
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
