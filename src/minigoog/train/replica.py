"""A replica of asynchronous training: it fetches weights, computes gradients and pushes them, and never waits for other replicas."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .. import optim
from ..array_types import Array
from ..parallel import Ranks
from ..parallel.post import Message, Post
from . import finetune
from .gradients import Batch, Found, MicroBatches
from .server import Pushed, shards_of
from .signals import StopRequests

if TYPE_CHECKING:
    from .loop import Trainer


class Replica:
    """Trains on the batches that the first server deals it. (Dean et al. 2012, Downpour SGD)"""

    def __init__(self, trainer: Trainer, ranks: Ranks) -> None:
        self.config, self.setup, self.model = trainer.config, trainer.setup, trainer.model
        assert isinstance(trainer.batches, MicroBatches)
        self.batches = trainer.batches
        self.post, self.shards = Post(ranks), shards_of(self.setup, self.config)
        self.servers = range(self.config.servers)
        self.steps, self.sent = 0, 0
        self.versions = [0 for _ in self.servers]
        self.sums: dict[int, Array] = {}  # of gradients since the last push, by id of their parameter
        self.since: list[tuple[Batch, Found]] = []  # the batches of these gradients
        self.local = optim.SGD(finetune.groups(self.setup, self.config), self.config.lr)  # between two fetches
        self.rates = [group["lr"] for group in self.local.param_groups]
        self.share = 1.0

    def train(self, stop: StopRequests) -> Message:
        """Trains until the first server says that training has ended; returns what it says."""
        self.model.train()
        if self.setup.classifier:
            finetune.keep_still(self.model, self.config)
        while True:
            self.post.send(0, "deal", stop.signal or 0)
            answer = self.post.awaited(0, "a batch")
            if answer.kind == "batch":
                self._step(*answer.facts)
            elif answer.kind == "push":
                self._push()
            else:
                self._leave()
                return answer

    def _step(self, epoch: int, number: int, share: float) -> None:
        self.share = share
        if self.steps % self.config.fetch_every == 0:
            self._fetch()
        batch = self.batches.batch(epoch, number)
        self.model.zero_grad()
        self._add(batch, self.batches.of(batch, lambda values: None))
        self.steps += 1
        if self.steps % self.config.fetch_every:
            self._step_on()
        if self.steps % self.config.push_every == 0:
            self._push()

    def _fetch(self) -> None:
        """Asks all servers at once; each answers when it can, so that shards may be of different steps."""
        for server in self.servers:
            self.post.send(server, "fetch")
        for server in self.servers:
            found = self.post.awaited(server, "the weights of a server")
            assert found.array is not None
            self.shards.set_values(server, found.array)
            self.versions[server] = found.facts

    def _add(self, batch: Batch, found: Found) -> None:
        """Adds the gradients of a batch to those that wait to be pushed."""
        if self.config.clip:
            optim.clip_grad_norm_(self.model.parameters(), self.config.clip)
        for p in self.model.parameters():
            if p.grad is not None:
                self.sums[id(p)] = self.sums[id(p)] + p.grad if id(p) in self.sums else p.grad
        self.since.append((batch, found))

    def _step_on(self) -> None:
        """Changes the weights here by the last gradient, until they are fetched again; Adagrad's sums are only on the servers."""
        if self.config.optimizer == "sgd":
            for group, rate in zip(self.local.param_groups, self.rates, strict=True):
                group["lr"] = rate * self.share
            self.local.step()

    def _push(self) -> None:
        pushed = self._described()
        for server in self.servers:
            self.post.send(server, "push", pushed, self.shards.gradient(server, self.sums))
        self.sums, self.since = {}, []

    def _described(self) -> Pushed:
        """What the servers have to know of the gradient."""
        counts = np.array([batch.images for batch, _ in self.since])
        self.sent += int(counts.sum())
        means = [sum(found.losses[head] * int(n) for (_, found), n in zip(self.since, counts, strict=True)) / int(counts.sum())
                 for head in range(len(self.since[0][1].losses))]  # fmt: skip
        numbers, correct = [batch.number for batch, _ in self.since], sum(found.correct for _, found in self.since)
        return Pushed(numbers, int(counts.sum()), means, correct, list(self.versions), self.share, self.sent)

    def _leave(self) -> None:
        for server in self.servers:
            self.post.send(server, "leave")
        self.post.finish(list(self.servers))
