"""Training one model, or several as the paper's ensemble: same initialisation and schedule, different sampling. (Section 7)"""

import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..files import check_folder
from ..parallel import Communicator
from ..parallel.together import agreed, one_program
from ..text import listed
from . import checkpoint, company, downpour, event_files, finetune, longer, pruning
from .callbacks import Callback, checked
from .config import BITLESS, LONGER, Config, from_file
from .event_files import EventFiles
from .live import Live
from .log import Log, evaluate_command, sees_whole_images, to_test
from .loop import Trainer
from .results import Result, together
from .run import Run, check_output
from .setup import Setup, effective, prepare
from .signals import StopRequests


def fit(config: Config, callbacks: Iterable[Callback] = ()) -> Result | list[Result]:
    """Trains as `config` says, into a new folder; returns a Result, or for an ensemble a list of them.

    `callbacks` are told how the run goes. Raises Interrupted or TrainingError, which leave a complete folder, or ValueError or OSError
    before the folder is made. The schedule begins with the run: the `start_epoch` of a run that was trained longer is not used."""
    config.check_used()
    return _train(replace(config, start_epoch=0), callbacks)


def resume(
    folder: str | os.PathLike[str], accept_changes: bool = False, callbacks: Iterable[Callback] = (), **changes: Any
) -> Result | list[Result]:
    """Resumes the run in `folder` bit-exactly, as if it had never stopped; returns what `fit` returns.

    `epochs`, more than the run has: a finished run is trained longer, with the schedule anew from `lr` (default: a tenth of its first).
    With `prune`, and `prune_...` beside it, it is pruned meanwhile, and with `distill` a teacher helps. `config.LONGER` lists what
    can be given with `epochs`.
    `changes`: settings that do not affect the result, such as `threads`, or `data` if the same images have moved; any other is a
    ValueError. So is whatever else has changed since the last checkpoint (images, settings in config.toml, the machine, missing
    metrics), which the error lists, unless `accept_changes`: then the run is resumed, but not bit-exactly."""
    run, epochs = Run(Path(folder)), changes.pop("epochs", None)
    given = {name: changes.pop(name) for name in LONGER if name in changes} if epochs is not None else {}
    if not run.path("config.toml").is_file():
        raise FileNotFoundError(f"train: `resume` is '{folder}', expected the folder of a run (it has no config.toml)")
    for name in changes:
        if name not in BITLESS:
            allowed = ", ".join(f"`{other}`" for other in BITLESS)
            more = f"and of a finished run `epochs`, with which {listed(map('`{}`'.format, LONGER), 20)} can too"
            raise ValueError(f"train: `{name}` cannot change when a run is resumed; only {allowed} can, {more}")
    check_folder(folder)
    config = from_file(run.path("config.toml"), **changes)
    config.check_used(changes)
    holds = "several" if run.path("model-1").exists() else "one" if run.path(checkpoint.NAME).exists() else ""
    if holds == ("several" if config.models == 1 else "one"):  # it would start anew
        raise ValueError(f"train: `models` is {config.models} in {run.path('config.toml')}, but the folder holds {holds}")
    if epochs is None:
        return _train(config, callbacks, run, accept_changes)
    longer.check_alone(run)
    later = longer.longer(config, longer.epochs_of(config, run), epochs, **given)
    return _train_longer(config, later, callbacks, run, accept_changes)


def _train_longer(before: Config, config: Config, callbacks: Iterable[Callback], run: Run, accept_changes: bool) -> Result:
    """Trains a finished run longer."""
    own, run.ranks = checked(callbacks), company.ranks_of(config)
    setup = _prepared(config, new=False)._replace(callbacks=(*own, *_watching(config, run.ranks)))
    config = effective(config, setup)
    company.set_threads(config, run.ranks)
    with StopRequests() as stop:
        return longer.train(before, config, setup, run, stop, accept_changes)


def members(config: Config, folder: Path) -> Iterator[Config]:
    """The settings of each model of an ensemble; their folders model-1, model-2, ... are in the ensemble's."""
    for i in range(config.models):
        yield replace(config, models=1, sampling_seed=config.samplings + i, output=str(folder / f"model-{i + 1}"))


def _train(
    config: Config, callbacks: Iterable[Callback], run: Run | None = None, accept_changes: bool = False
) -> Result | list[Result]:
    """Trains into a new folder, or resumes that of `run`; invalid settings leave no folder."""
    own = checked(callbacks)
    ranks = company.ranks_of(config)
    with one_program(ranks):
        setup = agreed(ranks, "the preparation", lambda: _prepared(config, run is None and ranks.rank == 0))
        setup = setup._replace(callbacks=(*own, *_watching(config, ranks)))
        config = effective(config, setup)
        company.check_alike(ranks, config, setup.facts)
        run = run or company.make_run(ranks, config)
        run.ranks = ranks
        train = _train_one if config.models == 1 else _train_ensemble
        with StopRequests(ranks.size > 1) as stop:
            return train(config, setup, run, stop, accept_changes)


def _prepared(config: Config, new: bool) -> Setup:
    """The Setup of these settings; new: whether a folder for it has to be made."""
    if new:
        check_output(config)
    setup = finetune.prepare(config) if config.weights else prepare(config)
    if config.prune:
        pruning.layers(config, setup.model)
    if config.tensorboard:
        event_files.check_installed()
    return setup


def _watching(config: Config, ranks: Communicator) -> Iterator[Callback]:
    """What the settings ask for; of several processes the first has it."""
    if config.live and ranks.rank == 0:
        yield Live()
    if config.tensorboard and ranks.rank == 0:
        yield EventFiles()


def _train_one(config: Config, setup: Setup, run: Run, stop: StopRequests, accept_changes: bool) -> Result:
    """Trains into the folder of `run`, from its checkpoint if it has one, until the end or a stop request."""
    company.set_threads(config, run.ranks)
    with run.locked():
        trainer = Trainer(config, setup, run, Log())
        trainer.load(accept_changes)
        trainer.log.begin(trainer)
        return downpour.train(trainer, stop) if config.downpour else trainer.train(stop)


def _train_ensemble(config: Config, setup: Setup, run: Run, stop: StopRequests, accept_changes: bool) -> list[Result]:
    """The Result of each model of an ensemble in the folder of `run`; they share the data of `setup`."""
    results = []
    for i, member in enumerate(members(config, run.folder)):
        print(f"{'' if i == 0 else chr(10)}model {i + 1} of {config.models}")
        own = Run(str(member.output), run.folder)
        there = run.ranks.gather(f"the folder of model {i + 1}", own.path("config.toml").exists())[0]  # as the first process sees it
        own = own if there else company.make_run(run.ranks, member, run)
        own.ranks = run.ranks
        results.append(_train_one(member, setup.anew(member), own, stop, accept_changes))
    if all(len(result.probabilities) for result in results):  # a replica has none
        print(f"\nthe {config.models} models together: test accuracy {together(results, setup.test.labels):.2%}")
    crops = " --crops 1" if sees_whole_images(setup) else ""
    print(f"{to_test('each and all of them', config)}:\n    {evaluate_command(config, run.folder)} --table{crops}")
    return results
