"""The first server of asynchronous training: it deals the batches, and what replicas send it are the steps of the training loop."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..array_types import Array
from ..data import batches
from ..parallel import Ranks, recorded
from ..parallel.dealer import Dealer
from ..parallel.desk import DIED, Desk
from ..parallel.post import Message, Post
from ..parallel.shards import Shards
from . import checkpoint
from .config import Config
from .errors import TrainingError
from .gradients import Batch, Check, Found
from .schedules import schedule
from .setup import Setup

if TYPE_CHECKING:
    from .loop import Trainer

NO_LABELS = np.empty(0, np.int64)


class Pushed(NamedTuple):
    """What a replica says of a gradient: of which batches it is, their images, losses (means) and correct answers; the version of the
    weights it was computed for, the factor of the learning rate, and how many images it has sent in all."""

    numbers: list[int]
    images: int
    losses: list[float]
    correct: int
    versions: list[int]  # by server
    share: float
    sent: int


def shards_of(setup: Setup, config: Config) -> Shards:
    """Which parameters and buffers each server keeps."""
    return Shards([*setup.model.named_parameters(), *setup.model.named_buffers()], config.servers)


class Arrivals:
    """Gradients that come from replicas: each arrival is a step. watch: called between two steps, with a signal that a replica got."""

    waited = 0.0

    def __init__(self, setup: Setup, config: Config, ranks: Ranks) -> None:
        self.setup, self.config, self.ranks, self.post = setup, config, ranks, Post(ranks)
        self.desk = Desk(self.post, range(config.servers, ranks.size))
        self.shards, self.dealer = shards_of(setup, config), Dealer()
        self.watch: Callable[[int], None] = lambda signal: None
        self.warn: Callable[[str], None] = lambda text: None
        self.parked: deque[int] = deque()  # replicas that wait for a batch
        self.number, self.done, self.version = 0, 0, 0  # the epoch, batches of it, updates since the start
        self.images: Counter[int] = Counter()  # that have come, by replica
        self.pushes: Counter[int] = Counter()
        self.staleness: Counter[int] = Counter()  # of this epoch: updates between fetch and push
        self.before_step: dict[str, Array] = {}

    def __len__(self) -> int:
        return batches.count(len(self.setup.train), self.config.batch_size)

    # ---- the steps of the training loop ----

    def epoch(self, number: int, start: int, ahead: Sequence[int] = ()) -> Iterator[Batch]:
        self.number, self.done = number, start
        self.staleness.clear()
        done = {*range(start - len(ahead)), *ahead}
        self.dealer.begin(batch for batch in range(len(self)) if batch not in done)
        asked = 0
        while self.dealer.busy:
            self.watch(asked)
            self._answer_parked()
            if not (message := self.desk.next()):
                self.desk.complain(sorted(self.dealer.held), f"epoch {number + 1}")
            elif message.kind == "push":
                yield self._batch(message)
                self._taken(message)
            else:
                asked = self._serve(message)
        self.watch(asked)

    def of(self, batch: Batch, check: Check) -> Found:
        found: Pushed = batch.facts
        check(found.losses)
        self.before_step = self.shards.buffers(0)
        self.shards.set_gradient(0, batch.x)
        return Found(found.losses, found.correct)

    def before(self) -> dict[str, Array]:
        return self.before_step

    def _batch(self, message: Message) -> Batch:
        """A gradient that has come, as a batch."""
        pushed: Pushed = message.facts
        assert message.array is not None and pushed.numbers == self.dealer.held[message.sender]
        self.staleness[self.version - pushed.versions[0]] += 1
        self.images[message.sender] += pushed.images
        if self.images[message.sender] != pushed.sent:
            counted = f"{self.images[message.sender]:,} images of rank {message.sender}, which has sent {pushed.sent:,}"
            raise TrainingError(f"rank 0 has counted {counted}")
        return Batch(message.array, NO_LABELS, pushed.images, self.number, pushed.numbers[0], pushed)

    def _taken(self, message: Message) -> None:
        """After a step."""
        self.done += len(self.dealer.done(message.sender))
        self.version += 1
        self.pushes[message.sender] += 1
        self.before_step = {}

    # ---- what replicas ask for ----

    def _serve(self, message: Message) -> int:
        """Does what a replica wants; returns the number of a signal that it was stopped with, or 0."""
        rank = message.sender
        if message.kind == "fetch":
            self.desk.answer(rank, "weights", self.version, self.shards.values(0))
        elif message.kind == "deal":
            self.parked.append(rank)
            return int(message.facts)
        elif message.kind == DIED:
            self._left_alone(rank)
        return 0

    def _left_alone(self, rank: int) -> None:
        """A replica has died: what it held is dealt anew."""
        self.parked = deque(other for other in self.parked if other != rank)
        numbers = [number + 1 for number in self.dealer.lost(rank)]
        anew = f"; dealt anew: {', '.join(map(str, numbers))} of epoch {self.number + 1}" if numbers else ""
        left = len(self.desk.replicas)
        self.warn(f"rank {rank} has died: {left} {'replica goes' if left == 1 else 'replicas go'} on{anew}")

    def _answer_parked(self) -> None:
        """Deals to the replicas that wait, in the order in which they asked."""
        position = self.number + self.done / len(self)
        first = min(self.desk.replicas, default=0)
        for rank in [self.parked.popleft() for _ in range(len(self.parked))]:
            if position < self.config.warm_start and rank != first:
                self.parked.append(rank)
            elif self.dealer.left:
                share = schedule(position, self.config)
                self.desk.answer(rank, "batch", (self.number, self.dealer.deal(rank), share))
            elif self.dealer.held.get(rank):  # it would wait for more to push them together
                self.desk.answer(rank, "push")
            else:
                self.parked.append(rank)

    def end(self, kind: str, what: Any) -> None:
        """Tells all processes that training has ended, or was stopped, and waits until they have left."""
        others = list(range(1, self.config.servers))
        for server in others:
            self.post.send(server, kind, what)
        see_off(self.desk, self.shards, 0, (kind, what), self.parked)
        self.post.finish(others)

    # ---- what the other servers have ----

    def collect(self, trainer: Trainer) -> None:
        """Fetches the other shards' weights and the state of their optimizers, with at least what this server has got."""
        _write(trainer, 0, self.desk.written())
        own = checkpoint.arrays_of(trainer)
        for server in range(1, self.config.servers):
            self.post.send(server, "collect", dict(self.pushes))
        for server in range(1, self.config.servers):
            arrays, order = self.post.awaited(server, "the shard of a server").facts
            for name, array in arrays.items():
                own[name][...] = array
            _write(trainer, server, order)

    def facts(self) -> dict[str, Any]:
        """For the metrics of the epoch: how many gradients were 0, 1, 2, ... updates late, and the images of each replica so far."""
        counts = [self.staleness[late] for late in range(max(self.staleness, default=-1) + 1)]
        return {"staleness": counts, "images_of_replicas": {str(rank): self.images[rank] for rank in sorted(self.images)}}


def _write(trainer: Trainer, server: int, order: list[int]) -> None:
    """Records in which order messages came to a server."""
    if order:
        trainer.run.add_line(recorded.NAME, recorded.part(server, order))


def see_off(desk: Desk, shards: Shards, server: int, last: tuple[str, Any], parked: Sequence[int] = ()) -> None:
    """Serves replicas until all have left; those that want a batch get the last word instead. What they push is too late."""
    staying = {*desk.replicas, *desk.gone}
    desk.replicas, desk.recorded = sorted(staying), []
    for rank in parked:
        desk.answer(rank, *last)
    while staying:
        if not (message := desk.next()):
            desk.complain(sorted(staying), "the end")
            continue
        rank = message.sender
        if message.kind in ("leave", DIED):
            staying.discard(rank)
            desk.replicas = sorted(staying)
        elif message.kind == "fetch":
            desk.answer(rank, "weights", 0, shards.values(server))
        elif message.kind == "deal":
            desk.answer(rank, *last)
