"""Asynchronous training: servers that keep the weights, and replicas that never wait for each other. (Dean et al. 2012, Downpour SGD)"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..parallel import Alone, RankLost, Ranks, recorded
from ..parallel.together import agreed
from . import results
from .errors import Interrupted, TrainingError
from .replica import Replica
from .server import Arrivals
from .shard import Shard
from .signals import StopRequests

if TYPE_CHECKING:
    from .loop import Trainer


def train(trainer: Trainer, stop: StopRequests) -> results.Result:
    """Does this process's part of the training; returns the Result in all of them."""
    ranks, config = trainer.ranks, trainer.config
    assert isinstance(ranks, Ranks)
    orders = ranks.gather("the recorded order", agreed(ranks, "the recorded order", lambda: _recorded(trainer, ranks)))[0]
    if ranks.rank == 0:
        return _lead(trainer, stop, orders[0])
    trainer.saved = None  # the first server knows
    try:
        keeps = ranks.rank < config.servers
        answer = Shard(trainer, ranks, orders[ranks.rank]).serve() if keeps else Replica(trainer, ranks).train(stop)
    except RankLost as lost:
        raise TrainingError(f"a server has died ({lost}). {trainer.how_to_resume()}") from None
    if answer.kind == "stop":
        raise Interrupted("", answer.facts, said=True)
    result: results.Result = answer.facts
    return result


def _recorded(trainer: Trainer, ranks: Ranks) -> list[list[int]]:
    """The order of arrivals that is to be repeated, of each server; empty without one."""
    config = trainer.config
    if config.replay is None or ranks.rank:
        return [[] for _ in range(config.servers)]
    return recorded.read(Path(config.replay), ranks.size, config.servers)


def _lead(trainer: Trainer, stop: StopRequests, order: list[int]) -> results.Result:
    """The part of the first server: the training loop, whose steps are what arrives."""
    arrivals, run = trainer.batches, trainer.run
    assert isinstance(arrivals, Arrivals)
    arrivals.desk.recorded = list(reversed(order))
    began = recorded.beginning(arrivals.ranks.size, trainer.config.servers)
    run.add_line(recorded.NAME, began if trainer.saved is None else recorded.resumed(trainer.progress.total_steps))
    trainer.ranks = run.ranks = Alone()  # the others are in no exchange

    def watch(signal: int) -> None:
        trainer.settled = True  # between two steps
        if not (arrivals.desk.replicas or arrivals.desk.recorded):
            trainer.save()
            raise TrainingError(f"all replicas have died. {trainer.how_to_resume()}")
        stop.signal = stop.signal or signal or None
        trainer.stop_if_asked(stop)

    arrivals.watch, arrivals.warn = watch, trainer.log.warn
    if trainer.config.servers == 1:  # others would have to send their shards first
        stop.at_once = trainer.save_at_once
    try:
        result = trainer.train(stop)
    except Interrupted as interrupted:
        arrivals.end("stop", interrupted.signal)
        raise
    arrivals.end("end", result._replace(probabilities=result.probabilities[:0]))
    return result
