"""Fine-tuning: the tail of the network and a softmax head learn the classes of windows, from maps that the trunk made once."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ... import losses, optim, rng
from ...array_types import Array, IntArray
from ...nn import Linear, Module
from ...tensor import Tensor, no_grad
from .heads import cells
from .pool import Maps
from .settings import Settings
from .windows import BACKGROUND, batch

BATCH, SHARE = 128, 0.25
MOMENTUM, DECAY = 0.9, 5e-4


class Classifier(Module):
    """The tail and a head of a class for each kind of object, and a last one for the background: from maps like `example` to logits."""

    def __init__(self, tail: Module, classes: int, example: Array) -> None:
        with no_grad():
            features = cells(tail(Tensor(np.asarray(example, np.float32)))).shape[1]
        self.tail, self.head = tail, Linear(features, classes + 1)
        self.head.weight.data[...] = rng.generator().normal(0, 0.01, self.head.weight.shape)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.head(cells(self.tail(x)))
        return y


class Step(NamedTuple):
    """After a step: its number, counted from 1, and the loss and the share of right windows in its batch."""

    number: int
    loss: float
    right: float


class Tuner:
    """The state of fine-tuning: model, optimizer, and the number of steps that are done. Batches depend on `seed` and the number of the
    step only, so that a run that goes on gets the same ones."""

    def __init__(self, model: Classifier, chosen: Settings, seed: int) -> None:
        self.rates = chosen.rate, chosen.head_rate
        groups = [{"params": part.parameters(), "lr": rate} for part, rate in zip((model.tail, model.head), self.rates, strict=True)]
        self.model, self.chosen, self.seed, self.done = model, chosen, seed, 0
        self.optimizer = optim.SGD(groups, chosen.rate, momentum=MOMENTUM, weight_decay=DECAY)

    def run(self, maps: Maps, labels: IntArray) -> Iterator[Step]:
        """Trains to the end, a step at a time. maps: [n, h, w, c] of windows, of any float type; labels: their classes, or BACKGROUND."""
        targets = np.where(labels == BACKGROUND, self.model.head.weight.shape[1] - 1, labels)
        self.model.train()
        while self.done < self.chosen.steps:
            chosen = batch(labels, BATCH, SHARE, self.chosen.balance, np.random.default_rng((self.seed, self.done)))
            loss, right = self._step(np.asarray(maps[chosen], np.float32), targets[chosen])
            self.done += 1
            yield Step(self.done, loss, right)
        self.model.eval()

    def _step(self, x: Array, labels: IntArray) -> tuple[float, float]:
        for group, rate in zip(self.optimizer.param_groups, self.rates, strict=True):
            group["lr"] = rate * self._share()
        self.optimizer.zero_grad()
        logits = self.model(Tensor(x))
        loss = losses.cross_entropy(logits, labels)
        loss.backward()
        self.optimizer.step()
        return loss.item(), float((logits.data.argmax(axis=1) == labels).mean())

    def _share(self) -> float:
        """What is left of the first rates."""
        if self.chosen.drop:
            return float(10.0 ** -(self.done // self.chosen.drop))
        return float(1 + np.cos(np.pi * self.done / self.chosen.steps)) / 2
