"""A finished run that is trained longer: its weights and momentum stay, and the schedule starts anew; it may be pruned meanwhile."""

import re
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..text import listed
from . import checkpoint, fingerprint, testing
from .config import PRUNING, Config, from_file
from .log import Log
from .loop import Trainer
from .pruning import times, usual_times
from .results import Result
from .run import Run
from .setup import Setup
from .signals import StopRequests

LOWER = 10  # the first rate is divided by this, if none is given


def epochs_of(config: Config, run: Run) -> int:
    """The epochs of a run as planned, or as many as it has, if it ended because its accuracy stood still."""
    if not config.stop_after or not run.path(checkpoint.NAME).exists():
        return config.epochs
    at = checkpoint.position(run)
    return at.epoch if testing.stands_still(config, at) else config.epochs


def check_alone(run: Run) -> None:
    """Raises ValueError if the run is a model of an ensemble, which could then not be resumed: its models have the same settings."""
    folder, models = run.folder.resolve(), 1
    with suppress(OSError, ValueError):  # no settings of a run
        models = from_file(folder.parent / "config.toml").models
    if models > 1 and re.fullmatch(r"model-\d+", folder.name):
        raise ValueError(f"train: `epochs` can change when a run is resumed, but {run.folder} is a model of the ensemble {folder.parent}: "
                         f"expected a copy of it elsewhere")


def longer(config: Config, has: int, epochs: int, **given: Any) -> Config:
    """The settings with which the finished run of `config` goes on to `epochs`; ValueError, naming the setting, if it cannot.

    has: its epochs (`epochs_of`). given: other values (`config.LONGER`). The default times of pruning are shares of all epochs: of a run
    that was pruned they are written down as they were, and its masks stay; of one that is pruned from here on, shares of those left."""
    if config.models > 1 or config.data_parallel or config.downpour:
        raise ValueError("train: `epochs` can change when a run is resumed, but not of an ensemble, or with several processes")
    if epochs <= has:
        raise ValueError(f"train: `epochs` is {epochs}, expected more than the {has} of the run that is resumed")
    names = [name for name in given if name in PRUNING]
    if names and "prune" not in given:
        raise ValueError(f"train: `{names[0]}` is given, but without `prune` the masks of the run that is resumed stay as they are")
    lower = {"lr": config.lr / LOWER, "head_lr": config.head_lr and config.head_lr / LOWER}
    begin, end = usual_times(has, epochs) if names else times(config)
    at = {"prune_begin": begin, "prune_end": end} if names or config.prune else {}
    found = replace(config, **{**lower, **at, **given, "epochs": epochs, "start_epoch": has})
    found.check_used(given)
    if names and found.prune <= config.prune:
        raise ValueError(f"train: `prune` is {found.prune:g}, expected more than the {config.prune:g} of the run that is resumed")
    if names and times(found)[0] < has:
        raise ValueError(f"train: `prune_begin` is {times(found)[0]:g}, expected at least the {has} epochs that the run has")
    return found


def train(before: Config, config: Config, setup: Setup, run: Run, stop: StopRequests, accept_changes: bool) -> Result:
    """Goes on with the run of `before` with the settings `config`; the run's own are replaced once its checkpoint has been read.

    From then on, even before the next checkpoint, it is resumed like every other run: `checkpoint.load` expects the new settings."""
    if config.distill and Path(config.distill).resolve().is_relative_to(run.folder.resolve()):
        raise ValueError(f"train: `distill` is '{config.distill}', whose weights change with this run: expected a copy of it")
    with run.locked():
        if not run.path(checkpoint.NAME).exists():
            raise FileNotFoundError(f"train: {run.folder} has no {checkpoint.NAME}, which `resume` with more `epochs` needs")
        trainer = Trainer(config, setup, run, Log())
        trainer.load(accept_changes=True)
        if trainer.progress.epoch < config.start_epoch:
            raise ValueError(f"train: `epochs` is {config.epochs}, but {run.folder} has ended only {trainer.progress.epoch} of its "
                             f"{before.epochs}: resume it without `epochs` first")
        others = [change for change in trainer.changes if not _expected(change, before, config)]
        if others and not accept_changes:
            raise ValueError(f"train: {run.folder} cannot be trained longer, because these have changed: {listed(others, 6, 160)}. "
                             f"`accept_changes` does so all the same")
        run.write("config.toml", config.toml())
        has, more = config.start_epoch, config.epochs - config.start_epoch
        print(f"{more} more {'epoch' if more == 1 else 'epochs'}, with the weights and momentum of epoch {has} and the schedule anew "
              f"from a rate of {config.lr:g}; the result is not that of {config.epochs} epochs at once")
        trainer.changes = others
        trainer.log.begin(trainer)
        return trainer.train(stop)


def _expected(change: str, before: Config, config: Config) -> bool:
    """Whether a difference from the checkpoint of the run of `before` is one of the settings that it goes on with."""
    if (name := fingerprint.subject(change)) == fingerprint.TEACHER:
        return before.distill != config.distill
    return name in fingerprint.OF_LONGER and change == f"`{name}`: {getattr(config, name)!r} (was {getattr(before, name)!r})"
