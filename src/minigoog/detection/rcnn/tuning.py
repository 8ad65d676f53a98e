"""Fine-tuning: the tail of the network and a softmax head learn the classes of windows, from maps that the trunk made once."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ... import losses, ops, optim, rng
from ...array_types import Array, IntArray
from ...nn import Linear, Module
from ...tensor import Tensor
from .windows import BACKGROUND, batch

BATCH, SHARE = 128, 0.25
MOMENTUM, DECAY = 0.9, 5e-4


class Classifier(Module):
    """The tail and a head of a class for each kind of object, and a last one for the background: from a map to logits."""

    def __init__(self, tail: Module, classes: int, features: int) -> None:
        self.tail, self.head = tail, Linear(features, classes + 1)
        self.head.weight.data[...] = rng.generator().normal(0, 0.01, self.head.weight.shape)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.head(ops.global_avg_pool2d(self.tail(x)))
        return y


class Step(NamedTuple):
    """After a step: its number, counted from 1, and the loss and the share of right windows in its batch."""

    number: int
    loss: float
    right: float


class Tuner:
    """The state of fine-tuning: model, optimizer, and the number of steps that are done. Batches depend on `seed` and the number of the
    step only, so that a run that goes on gets the same ones."""

    def __init__(self, model: Classifier, steps: int, rate: float, head_rate: float, seed: int) -> None:
        groups = [{"params": model.tail.parameters(), "lr": rate}, {"params": model.head.parameters(), "lr": head_rate}]
        self.model, self.steps, self.rates, self.seed, self.done = model, steps, (rate, head_rate), seed, 0
        self.optimizer = optim.SGD(groups, rate, momentum=MOMENTUM, weight_decay=DECAY)

    def run(self, maps: Array, labels: IntArray) -> Iterator[Step]:
        """Trains to the end, a step at a time. maps: [n, h, w, c] of windows, of any float type; labels: their classes, or BACKGROUND."""
        targets = np.where(labels == BACKGROUND, self.model.head.weight.shape[1] - 1, labels)
        self.model.train()
        while self.done < self.steps:
            chosen = batch(labels, BATCH, SHARE, np.random.default_rng((self.seed, self.done)))
            loss, right = self._step(np.asarray(maps[chosen], np.float32), targets[chosen])
            self.done += 1
            yield Step(self.done, loss, right)
        self.model.eval()

    def _step(self, x: Array, labels: IntArray) -> tuple[float, float]:
        for group, rate in zip(self.optimizer.param_groups, self.rates, strict=True):
            group["lr"] = rate * (1 + np.cos(np.pi * self.done / self.steps)) / 2
        self.optimizer.zero_grad()
        logits = self.model(Tensor(x))
        loss = losses.cross_entropy(logits, labels)
        loss.backward()
        self.optimizer.step()
        return loss.item(), float((logits.data.argmax(axis=1) == labels).mean())
