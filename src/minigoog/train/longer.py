"""A finished run that is trained longer: its weights and momentum stay, and the schedule starts anew."""

from dataclasses import replace

from ..text import listed
from . import checkpoint
from .config import Config
from .log import Log
from .loop import Trainer
from .pruning import times
from .results import Result
from .run import Run
from .setup import Setup
from .signals import StopRequests

CHANGED = ["epochs", "lr", "start_epoch"]  # the settings of a fingerprint that may differ
TIMES = ["prune_begin", "prune_end"]  # these too, where the run left them at their default, which depends on `epochs`
LOWER = 10  # the first rate is divided by this, if none is given


def longer(config: Config, epochs: int, lr: float | None) -> Config:
    """The settings with which the finished run of `config` goes on to `epochs`; ValueError, naming the setting, if it cannot.

    If it was pruned, its masks stay: the default times of pruning depend on `epochs`, so they are written down as they were."""
    if config.models > 1 or config.data_parallel or config.downpour:
        raise ValueError("train: `epochs` can change when a run is resumed, but not of an ensemble, or with several processes")
    if epochs <= config.epochs:
        raise ValueError(f"train: `epochs` is {epochs}, expected more than the {config.epochs} of the run that is resumed")
    if config.prune:
        begin, end = times(config)
        config = replace(config, prune_begin=begin, prune_end=end)
    return replace(config, epochs=epochs, start_epoch=config.epochs, lr=lr or config.lr / LOWER)


def train(before: Config, config: Config, setup: Setup, run: Run, stop: StopRequests, accept_changes: bool) -> Result:
    """Goes on with the run of `before` with the settings `config`; the run's own are replaced once its checkpoint has been read."""
    with run.locked():
        if not run.path(checkpoint.NAME).exists():
            raise FileNotFoundError(f"train: {run.folder} has no {checkpoint.NAME}, which `resume` with more `epochs` needs")
        trainer = Trainer(config, setup, run, Log())
        trainer.load(accept_changes=True)
        others = [change for change in trainer.changes if not _expected(change, before)]
        if others and not accept_changes:
            raise ValueError(f"train: {run.folder} cannot be trained longer, because these have changed: {listed(others, 6, 160)}. "
                             f"`accept_changes` does so all the same")
        if trainer.progress.epoch < before.epochs:
            raise ValueError(f"train: `epochs` is {config.epochs}, but {run.folder} has ended only {trainer.progress.epoch} of its "
                             f"{before.epochs}: resume it without `epochs` first")
        run.write("config.toml", config.toml())
        trainer.save()
        print(f"{config.epochs - before.epochs} more epochs, with the weights and momentum of epoch {before.epochs} and the schedule anew "
              f"from a rate of {config.lr:g}; the result is not that of {config.epochs} epochs at once")
        trainer.changes = others
        trainer.log.begin(trainer)
        return trainer.train(stop)


def _expected(change: str, before: Config) -> bool:
    """Whether a difference from the checkpoint of `before` comes from training it longer."""
    name = change.split("`")[1] if change.startswith("`") else ""
    return name in CHANGED or (name in TIMES and getattr(before, name) is None and change.endswith("(was None)"))
