"""What the processes that train one network have in common: the folder, the machine, the weights."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from .. import kernels, rng
from ..parallel import Alone, Communicator, RankLost, cores_per_process, processes, world
from ..parallel.together import agreed, checksum, differing, leave_it_to_the_first
from . import checkpoint, fingerprint
from .config import Config
from .errors import TrainingError
from .progress import Progress
from .run import Run

if TYPE_CHECKING:
    from .loop import Trainer


def ranks_of(config: Config) -> Communicator:
    """The processes that train together; ValueError, naming the setting, if they cannot share the batches."""
    if config.downpour:
        return _servers_and_replicas(config)
    if not config.data_parallel:
        if processes() > 1:
            several = f"{processes()} processes were started by mpiexec"
            raise ValueError(f"train: {several}, but without `data_parallel` or `downpour` each of them would train the same")
        return Alone()
    ranks = world("train: `data_parallel`", config.patience)
    if ranks.size > config.micro_batches:
        raise ValueError(f"train: `micro_batches` is {config.micro_batches}, expected at least the {ranks.size} processes")
    return ranks


def _servers_and_replicas(config: Config) -> Communicator:
    """The processes of asynchronous training."""
    least = config.servers + 1
    if processes() < least:
        how = f"mpiexec -n {least} --bind-to none python -m minigoog.train"
        raise ValueError(f"train: `downpour` has {processes()} processes, expected at least {least}, `servers` and a replica: {how}")
    return world("train: `downpour`", config.patience)


def set_threads(config: Config, ranks: Communicator) -> None:
    """Sets the number of threads: as asked for; processes that share a machine share its cores."""
    if config.threads is not None or ranks.size > 1:
        kernels.set_num_threads(config.threads or cores_per_process())


def make_run(ranks: Communicator, config: Config, ensemble: Run | None = None) -> Run:
    """A new folder, made by the first process."""
    folder = ensemble.folder if ensemble else None
    made = agreed(ranks, "the folder", lambda: None if ranks.rank else Run.create(config, folder))
    run = Run(ranks.gather("the folder's name", made and str(made.folder))[0], folder)
    run.ranks = ranks
    return run


def check_alike(ranks: Communicator, config: Config, facts: fingerprint.Facts) -> None:
    """Raises ValueError unless all processes have the same settings, images and machine: else their weights would drift apart."""
    if differs := differing(ranks, "settings, images and machine", fingerprint.of_settings(config) | facts | fingerprint.of_machine()):
        leave_it_to_the_first(ranks)
        raise ValueError(f"train: all processes have to be alike, but they differ in {differs}")


def check_weights(trainer: Trainer) -> None:
    """Raises TrainingError unless all processes have the same weights, bit for bit."""
    sums = trainer.ranks.gather("the checksums of the weights", checksum(trainer.model.state_dict()))
    if len(set(sums)) > 1:
        leave_it_to_the_first(trainer.ranks)
        other = next(rank for rank, found in enumerate(sums) if found != sums[0])
        raise TrainingError(f"rank {other} has other weights than rank 0 after epoch {trainer.progress.epoch}. {trainer.how_to_resume()}")


def share_state(trainer: Trainer, source: int) -> None:
    """Gives all processes the state of one of them."""
    own, arrays = trainer.ranks.rank == source, checkpoint.arrays_of(trainer)
    state = (asdict(trainer.progress), rng.state(), trainer.saved, trainer.changes, arrays) if own else None
    progress, random, saved, changes, theirs = trainer.ranks.gather("the state", state)[source]
    if own:
        return
    for name, array in arrays.items():
        array[...] = theirs[name]
    rng.set_state(random)
    trainer.progress, trainer.saved, trainer.changes = Progress(**progress), saved, changes
    if trainer.average:
        trainer.average.steps = trainer.progress.total_steps


def repair(trainer: Trainer) -> None:
    """Goes on without the processes that have died, all others at the last step that one of them has done; the bits stay the same."""
    while True:
        try:
            gone, first = trainer.ranks.repair(), trainer.ranks.rank == 0
            at = trainer.ranks.gather("the positions", (trainer.progress.epoch, trainer.progress.step))
            share_state(trainer, at.index(max(at)))
            break
        except RankLost:
            continue
    if first:
        trainer.run.take_over()
        trainer.progress.metrics_length = trainer.run.cut_metrics(trainer.progress.metrics_length)
        trainer.save()
    who = " and ".join(f"rank {rank}" for rank in gone)
    trainer.log.warn(f"{who} has died: the other {trainer.ranks.size} go on from step {at_text(trainer)}")


def at_text(trainer: Trainer) -> str:
    """The position of a run as text."""
    return f"{trainer.progress.step} of epoch {trainer.progress.epoch + 1}"
