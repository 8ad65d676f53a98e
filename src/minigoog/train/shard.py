"""A server of asynchronous training that keeps a part of the network: not the first one, which deals the batches."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from ..array_types import Array
from ..parallel import Ranks
from ..parallel.desk import DIED, Desk
from ..parallel.post import Message, Post
from . import checkpoint
from .server import see_off, shards_of

if TYPE_CHECKING:
    from .loop import Trainer


class Shard:
    """Applies gradients to its own parameters, and answers with them. Servers do not wait for each other."""

    def __init__(self, trainer: Trainer, ranks: Ranks, recorded: list[int]) -> None:
        self.trainer, self.rank, self.post = trainer, ranks.rank, Post(ranks)
        self.shards = shards_of(trainer.setup, trainer.config)
        self.desk = Desk(self.post, range(trainer.config.servers, ranks.size), recorded)
        self.version, self.pushes = 0, Counter[int]()

    def serve(self) -> Message:
        """Serves until the first server says that training has ended; returns what it says."""
        wanted: dict[int, int] | None = None  # how many pushes of each replica the first server has got
        while True:
            said = self.post.received(0)
            if said and said.kind != "collect":
                see_off(self.desk, self.shards, self.rank, (said.kind, said.facts))
                return said
            wanted = said.facts if said else wanted
            if wanted is not None and self._has(wanted):
                self.post.send(0, "shard", (self._arrays(), self.desk.written()))
                wanted = None
            if message := self.desk.next():
                self._serve(message)

    def _serve(self, message: Message) -> None:
        if message.kind == "fetch":
            self.desk.answer(message.sender, "weights", self.version, self.shards.values(self.rank))
        elif message.kind == "push":
            self._step(message)
        elif message.kind == DIED:
            self.pushes[message.sender] = 1 << 62  # nothing more will come
        elif message.kind == "leave":  # the first server has told it, and this one a moment later
            self.desk.replicas.remove(message.sender)

    def _step(self, message: Message) -> None:
        trainer = self.trainer
        assert message.array is not None
        for group, rate in zip(trainer.optimizer.param_groups, trainer.rates, strict=True):
            group["lr"] = rate * message.facts.share
        self.shards.set_gradient(self.rank, message.array)
        trainer.optimizer.step()
        if trainer.average:
            trainer.average.step()
        self.version += 1
        self.pushes[message.sender] += 1

    def _has(self, wanted: dict[int, int]) -> bool:
        """Whether all has come here that the first server has got."""
        return all(self.pushes[rank] >= n for rank, n in wanted.items())

    def _arrays(self) -> dict[str, Array]:
        """This shard's part of a checkpoint."""
        own = self.shards.names(self.rank)
        return {name: array for name, array in checkpoint.arrays_of(self.trainer).items() if name.partition("/")[2] in own}
