"""Everything that a run needs to resume bit-exactly, in one file; an interrupted write leaves the old file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import rng
from ..array_types import Array
from ..formats import safetensors
from ..nn import masks
from ..reading import json_value, reading
from ..text import listed, short
from . import fingerprint
from .config import Config
from .progress import Progress
from .run import Run

if TYPE_CHECKING:
    from .loop import Trainer

NAME = "checkpoint.safetensors"
LISTS: dict[str, type] = {"head_losses": float, "ahead": int}  # of the progress
# the states of optimizers: what a checkpoint calls them
STATES = {"momentum_buffer": "velocities", "sum": "sums", "step": "steps", "exp_avg": "means", "exp_avg_sq": "mean_squares",
          "slow": "slow"}


def save(run: Run, trainer: Trainer, buffers: Mapping[str, Array] | None = None) -> None:
    """Writes weights, momentum, masks, averages, the state of the random numbers, the progress, and a fingerprint of what
    decides the bits. buffers: those of the network before a step in progress, by name; there is
    little time then, and nothing is synced.

    Raises FloatingPointError, and leaves the old file, if a weight is not finite."""
    check_finite(trainer)
    if run.ranks.rank:  # the first process writes
        return
    facts = {"progress": asdict(trainer.progress), "random": rng.state(), "fingerprint": trainer.fingerprint}
    arrays = arrays_of(trainer) | {f"weights/{name}": array for name, array in (buffers or {}).items()}
    safetensors.save(run.path(NAME), arrays, {name: json.dumps(value) for name, value in facts.items()}, sync=buffers is None)


def check_finite(trainer: Trainer) -> None:
    """Raises FloatingPointError if any array of a trainer's state has a value that is not finite."""
    for name, array in arrays_of(trainer).items():
        if not np.isfinite(array).all():
            raise FloatingPointError(f"{name} has values that are not finite")


def position(run: Run) -> Progress:
    """How far the run has come; ValueError, naming the file, if its checkpoint is damaged."""
    metadata = safetensors.load(run.path(NAME))[1]
    with reading(run.path(NAME), "not a checkpoint"):
        return _progress(json_value(metadata["progress"], dict))


def load(run: Run, trainer: Trainer, accept_changes: bool = False) -> list[str]:
    """Restores the state of a trainer from `save`. Returns what has changed since, which is a ValueError unless it is accepted.

    Raises ValueError, naming the file, if the network is another one."""
    arrays, metadata = safetensors.load(run.path(NAME))
    own = arrays_of(trainer)
    with reading(run.path(NAME), "not a checkpoint"):
        progress, heads = _progress(json_value(metadata["progress"], dict)), 3 if trainer.setup.info.arguments.get("aux_heads") else 1
        if len(progress.head_losses) not in (0, heads):
            raise ValueError(f"step {progress.step} with {len(progress.head_losses)} losses, expected {heads}")
        changes = fingerprint.differences(json_value(metadata["fingerprint"], dict), trainer.fingerprint)
        changes += run.metrics_changes(progress.metrics_length)
        if progress.step > len(trainer.batches) and not changes:
            raise ValueError(f"step {progress.step} of an epoch of {len(trainer.batches)} steps")
    if any(change.startswith("`prune`") for change in changes):  # masks that are new keep all weights
        own = {name: array for name, array in own.items() if name in arrays or not name.startswith("masks/")}
    if "stale/0/has" in arrays:
        own = _as_earlier(own, trainer)
    if arrays.keys() != own.keys() or any(arrays[name].shape != own[name].shape or arrays[name].dtype != own[name].dtype for name in own):
        raise ValueError(f"{run.path(NAME)}: not a checkpoint of this network with these settings and data{_since(changes)}")
    changes = changes if accept_changes else _unexpected(changes, trainer.config, progress)
    if changes and not accept_changes:
        raise ValueError(f"train: {run.folder} cannot be resumed bit-exactly{_since(changes)}. `accept_changes` resumes it all the same")
    with reading(run.path(NAME), "not a checkpoint"):
        rng.set_state(json_value(metadata["random"], dict))
    for name, array in own.items():
        array[...] = arrays[name]
    trainer.progress = progress
    if trainer.average:
        trainer.average.steps = trainer.progress.total_steps
    return changes


def _as_earlier(own: dict[str, Array], trainer: Trainer) -> dict[str, Array]:
    """The arrays of a trainer's state, those of late gradients by the names that earlier versions gave them."""
    others = {name: array for name, array in own.items() if not name.startswith("stale/")}
    return others | {f"stale/{name}": array for name, array in trainer.stale.earlier_arrays().items()}


def _unexpected(changes: list[str], config: Config, progress: Progress) -> list[str]:
    """`changes`; of a run that was stopped when it had just begun to be trained longer, without those that come with that."""
    begins = config.start_epoch == progress.epoch and progress.step == 0
    longer = begins and any(fingerprint.subject(change) == "start_epoch" for change in changes)
    return [change for change in changes if not (longer and fingerprint.subject(change) in fingerprint.OF_LONGER)]


def _progress(facts: dict[str, Any]) -> Progress:
    """The Progress of these facts; ValueError if one of them is missing, unknown or impossible."""
    start = asdict(Progress())
    facts = {"best_epoch": 0, "ahead": [], **facts}  # checkpoints of earlier versions have none
    if facts.keys() != start.keys():
        raise ValueError(f"its progress has {listed(facts)}, expected {listed(start, 20)}")
    for name, value in facts.items():
        numbers, kinds = (value, (LISTS[name],)) if name in LISTS else ([value], (int, type(start[name])))
        least = -1 if name == "best" else 0
        if not all(type(x) in kinds and least <= x < 2**62 for x in numbers):
            raise ValueError(f"`{name}` is {short(value)}, expected {type(start[name]).__name__}, from {least} on")
    return Progress(**facts)


def _since(changes: list[str]) -> str:
    return f". Since its last checkpoint these have changed: {listed(changes, 6, 160)}" if changes else ""


def arrays_of(trainer: Trainer) -> dict[str, Array]:
    """The arrays of a trainer's state by name; not copies."""
    names = {id(parameter): name for name, parameter in trainer.model.named_parameters()}
    parts: dict[str, dict[str, Any]] = {"weights": trainer.model.state_dict()}
    for parameter, state in zip(trainer.optimizer.parameters, trainer.optimizer.state, strict=True):
        for kind, array in state.items():
            parts.setdefault(STATES[kind], {})[names[id(parameter)]] = array
    parts |= {"masks": masks(trainer.model), "stale": trainer.stale.arrays()}
    if trainer.average:
        parts["averages"] = trainer.average.averages
    return {f"{part}/{name}": array for part, arrays in parts.items() for name, array in arrays.items()}
