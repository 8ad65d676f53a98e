"""Training one model, or several as the paper's ensemble: same initialisation and schedule, different sampling. (Section 7)"""

from dataclasses import replace
from pathlib import Path

from .config import BITLESS, Config, read
from .log import Log, evaluate_command
from .loop import run_to_the_end
from .run import Run
from .setup import effective, prepare
from .signals import StopRequests


def fit(config):
    """Trains as `config` says, into a new folder; returns a Result, or for an ensemble the list of them.

    Raises Interrupted or TrainingError with the folder in order, ValueError or OSError before there is one."""
    return _train(config)


def resume(folder, **changes):
    """Goes on with the run in `folder` to the same bits as if it had never stopped; returns what `fit` returns.

    `changes`: settings that change no bit of the result, such as `threads`, or `data` where the same images have moved; any other is a
    ValueError."""
    run = Run(folder)
    if not run.path("config.toml").exists():
        raise FileNotFoundError(f"train: `resume` is '{folder}', expected the folder of a run (it has no config.toml)")
    for name in changes:
        if name not in BITLESS:
            raise ValueError(f"train: `{name}` cannot change when a run goes on; only {', '.join(BITLESS)} can")
    return _train(Config(**read(run.path("config.toml")) | changes), run)


def members(config, folder):
    """The settings of each model of an ensemble, which have folders model-1, model-2, ... in that of the ensemble."""
    first = config.seed if config.sampling_seed is None else config.sampling_seed
    for i in range(config.models):
        yield replace(config, models=1, sampling_seed=first + i, output=str(Path(folder) / f"model-{i + 1}"))


def _train(config, run=None):
    """Trains into a new folder, or goes on with that of `run`; what cannot be trained leaves no folder."""
    setup = prepare(config)
    config = effective(config, setup)
    run = run or Run.create(config)
    with StopRequests() as stop:
        if config.models == 1:
            return run_to_the_end(config, setup, run, Log(), stop)
        del setup  # each model has its own
        return _train_ensemble(config, run, stop)


def _train_ensemble(config, run, stop):
    """The Result of each model of an ensemble in the folder of `run`."""
    results = []
    for i, member in enumerate(members(config, run.folder)):
        print(f"{'' if i == 0 else chr(10)}model {i + 1} of {config.models}")
        there = Run(member.output, run.folder)
        there = there if there.path("config.toml").exists() else Run.create(member, run.folder)
        results.append(run_to_the_end(member, prepare(member), there, Log(), stop))
    print(f"\nto test them together:\n    {evaluate_command(config, run.folder)} --table")
    return results
