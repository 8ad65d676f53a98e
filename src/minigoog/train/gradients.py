"""A step's gradient: of a whole batch at once, or of micro-batches that several processes share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from .. import losses, rng
from ..array_types import Array, IntArray
from ..data import DataLoader, batches
from ..parallel import Communicator
from ..parallel.deal import Shares, Varied, order
from ..parallel.flat import Flat
from ..parallel.tree import nodes, share, total
from . import augmentation, mixing
from .config import Config
from .setup import Setup

if TYPE_CHECKING:
    from .loop import Trainer

Check = Callable[[list[float]], None]  # raises if one of the losses is not finite


class Batch(NamedTuple):
    """A batch, or this process's share of it. images: of the whole batch; number: in its epoch."""

    x: Array
    labels: IntArray
    images: int
    epoch: int
    number: int
    facts: Any = None  # what came with a gradient of a replica

    @property
    def numbers(self) -> list[int]:
        """Of the batches whose gradient is applied at once."""
        return self.facts.numbers if self.facts else [self.number]


class Found(NamedTuple):
    """Of a batch, whose gradients the parameters have: the mean loss of each head, and how many images were classified correctly."""

    losses: list[float]
    correct: int


class Gradients(Protocol):
    """How batches come, and gradients from them. waited: seconds of the current epoch in which no batch was ready."""

    @property
    def waited(self) -> float: ...

    def __len__(self) -> int: ...

    def epoch(self, number: int, start: int, ahead: Sequence[int] = ()) -> Iterator[Batch]:
        """The batches of an epoch but for `start` that are done: the first ones, or some and those of the numbers `ahead`."""

    def of(self, batch: Batch, check: Check) -> Found:
        """Gives the parameters their gradients."""

    def before(self) -> dict[str, Array]:
        """The network's buffers before the step in progress, by name, if that may change them: copies."""

    def collect(self, trainer: Trainer) -> None:
        """Before a test or a checkpoint: fetches the weights and the optimizer's state, if others have them."""

    def facts(self) -> dict[str, Any]:
        """More for the metrics of an epoch."""


def backward(setup: Setup, config: Config, images: Array, labels: IntArray, place: tuple[int, ...], check: Check) -> Found:
    """Forward and backward pass: the gradients are those of the mean over these images. place: of the batch in the run."""
    images, logits, each = mixing.forward(setup.model, config, images, labels, place, setup.class_weights)
    values = [loss.item() for loss in each]
    check(values)
    loss = losses.weighted_sum(each, config.aux_weight)
    if setup.teacher is not None:
        own = config.distill_weight
        loss = (1 - own) * loss + own * setup.teacher.loss(logits, images)
    loss.backward()
    return Found(values, int((logits.data.argmax(axis=1) == labels).sum()))


class Own:
    """Gradients of this process, or of several that have the same weights."""

    def collect(self, trainer: Trainer) -> None:
        pass

    def facts(self) -> dict[str, Any]:
        return {}


class Whole(Own):
    """A batch goes through the network at once."""

    def __init__(self, setup: Setup, config: Config) -> None:
        self.setup, self.config = setup, config
        self.loader = DataLoader(
            setup.train, config.batch_size, True, num_workers=config.workers, even=True, transform=setup.train_transform,
            seed=config.samplings,
        )

    @property
    def waited(self) -> float:
        return self.loader.waited

    def __len__(self) -> int:
        return len(self.loader)

    def epoch(self, number: int, start: int, ahead: Sequence[int] = ()) -> Iterator[Batch]:
        self.loader.dataset = augmentation.in_epoch(self.config, self.setup.train, number)
        for step, (images, labels) in enumerate(self.loader.epoch(number, start), start):
            yield Batch(images, labels, len(labels), number, step)

    def of(self, batch: Batch, check: Check) -> Found:
        return backward(self.setup, self.config, batch.x, batch.labels, (batch.epoch, batch.number), check)

    def before(self) -> dict[str, Array]:
        return {}


class MicroBatches(Own):
    """A batch is cut into parts, which are dealt to the processes; the sum of their gradients is that of a fixed tree over the parts.

    So the bits are the same for any number of processes. Batch normalisation sees one part at a time; its running averages follow the
    mean over the parts. Augmentation depends on (seed, epoch, image), dropout on (seed, epoch, place in the epoch's order)."""

    def __init__(self, setup: Setup, config: Config, ranks: Communicator) -> None:
        self.setup, self.config, self.ranks, self.parts = setup, config, ranks, config.micro_batches
        self.flat = Flat(setup.model.parameters(), setup.model.buffers())
        self.loader = DataLoader(setup.train)

    @property
    def waited(self) -> float:
        return self.loader.waited

    def __len__(self) -> int:
        return batches.count(len(self.setup.train), self.config.batch_size)

    def span(self, step: int) -> tuple[int, int]:
        """The images of a batch, in the order of the epoch: from which to before which."""
        return batches.span(len(self.setup.train), self.config.batch_size, step)

    def size(self, step: int) -> int:
        """How many images a batch has."""
        first, behind = self.span(step)
        return behind - first

    def mine(self, images: int) -> tuple[int, int]:
        """This process's share of a batch: from which image to before which."""
        first, last = share(self.parts, self.ranks.size, self.ranks.rank)
        return share(images, self.parts, first)[0], share(images, self.parts, last)[0]

    def epoch(self, number: int, start: int, ahead: Sequence[int] = ()) -> Iterator[Batch]:
        config, whole = self.config, order(len(self.setup.train), self.config.samplings, number)
        spans = [(self.span(step)[0], *self.mine(self.size(step))) for step in range(start, len(self))]
        chosen = [image for at, first, last in spans for image in whole[at + first : at + last].tolist()]
        if chosen:
            sizes = [last - first for _, first, last in spans if last > first]
            self.loader = Shares(self._varied(number, chosen), sizes, config.workers)
        ready = self.loader.epoch() if chosen else iter(())
        nothing = np.empty((0, 0, 0, 0), np.float32), np.empty(0, np.int64)
        for step, (_, first, last) in enumerate(spans, start):
            x, labels = next(ready) if last > first else nothing
            yield Batch(x, labels, self.size(step), number, step)

    def batch(self, number: int, step: int) -> Batch:
        """One batch of an epoch, all of it."""
        first, behind = self.span(step)
        chosen = order(len(self.setup.train), self.config.samplings, number)[first:behind].tolist()
        images, labels = next(iter(DataLoader(self._varied(number, chosen), len(chosen))))
        return Batch(images, labels, len(labels), number, step)

    def _varied(self, epoch: int, chosen: Sequence[int]) -> Varied:
        images = augmentation.in_epoch(self.config, self.setup.train, epoch)
        return Varied(images, chosen, self.setup.train_transform, self.config.samplings, epoch)

    def before(self) -> dict[str, Array]:
        return dict(zip((name for name, _ in self.setup.model.named_buffers()), self.flat.before, strict=True))

    def of(self, batch: Batch, check: Check) -> Found:
        facts: list[tuple[list[float], int, int]] = []

        def leaf(part: int) -> Array:
            first, last = share(batch.images, self.parts, part)
            if first < last:
                found = self._part(batch, first, last)
                facts.append((found.losses, found.correct, last - first))
            return self.flat.take((last - first) / batch.images)

        self.flat.remember()
        root = (0, self.parts)
        own = {node: total(node, leaf) for node in nodes(share(self.parts, self.ranks.size, self.ranks.rank), root)}
        where = f"step {batch.number + 1} of epoch {batch.epoch + 1}"
        everyone = [fact for each in self.ranks.gather(f"the losses of {where}", facts) for fact in each]
        n_heads = len(everyone[0][0])
        means = [sum(each[head] * images for each, _, images in everyone) / batch.images for head in range(n_heads)]
        check(means)
        self.flat.give(self.ranks.tree_sum(f"the gradients of {where}", own, self.parts, self.flat.size))
        return Found(means, sum(correct for _, correct, _ in everyone))

    def _part(self, batch: Batch, first: int, last: int) -> Found:
        """Forward and backward pass of the images from `first` to before `last` of the whole batch."""
        begin = self.mine(batch.images)[0]
        images, labels = batch.x[first - begin : last - begin], batch.labels[first - begin : last - begin]
        place = self.span(batch.number)[0] + first
        with rng.of_samples((self.config.samplings, batch.epoch), place, last - first):
            return backward(self.setup, self.config, images, labels, (batch.epoch, batch.number, first), lambda values: None)
