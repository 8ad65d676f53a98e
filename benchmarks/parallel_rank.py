"""One process of parallel_steps.py: python parallel_rank.py ADDRESS MODEL SIZE BATCH PARTS. It takes steps when it is told to."""

import os
import sys
import time
from multiprocessing.connection import Client
from types import SimpleNamespace
from typing import Any

import numpy as np

import minigoog as mg
from minigoog import data, models, optim
from minigoog.array_types import Array
from minigoog.parallel import Communicator, world
from minigoog.parallel.together import checksum
from minigoog.parallel.tree import nodes, share
from minigoog.train import Config
from minigoog.train.gradients import Batch, MicroBatches

PROBES = 10  # exchanges whose quickest gives latency and bandwidth


class Timed:
    """A communicator that counts the seconds of exchanges; to wait for the slower one, before, is no part of them."""

    def __init__(self, ranks: Communicator) -> None:
        self.ranks, self.rank, self.size = ranks, ranks.rank, ranks.size
        self.exchanging = 0.0

    def gather(self, name: str, value: Any) -> list[Any]:
        return self.ranks.gather(name, value)

    def tree_sum(self, name: str, parts: dict[Any, Array], leaves: int, n: int) -> Array:
        began = time.perf_counter()
        try:
            return self.ranks.tree_sum(name, parts, leaves, n)
        finally:
            self.exchanging += time.perf_counter() - began


class Steps:
    """The training of a network on one batch of noise."""

    def __init__(self, model: str, size: int, batch: int, parts: int) -> None:
        mg.manual_seed(0)
        self.ranks = Timed(world("parallel_steps"))
        draw = np.random.default_rng(0)
        channels = models.INPUT_SIZES[model][2]
        self.x, self.labels = draw.standard_normal((batch, size, size, channels), np.float32), draw.integers(0, 10, batch)
        network = models.build(model).train()
        known = data.ArrayDataset(np.zeros((batch, 2, 2, channels), np.uint8), self.labels, [str(i) for i in range(10)])
        setup: Any = SimpleNamespace(model=network, train=known, teacher=None, class_weights=None)
        config = Config(batch_size=batch, micro_batches=parts)
        self.network, self.batches = network, MicroBatches(setup, config, self.ranks)  # type: ignore[arg-type]
        self.optimizer, self.taken = optim.SGD(network.parameters(), 0.01, 0.9), 0

    def step(self) -> dict[str, Any]:
        """One step: its seconds, and of these the exchange's."""
        first, last = self.batches.mine(len(self.x))
        before, began = self.ranks.exchanging, time.perf_counter()
        self.optimizer.zero_grad()
        self.batches.of(Batch(self.x[first:last], self.labels[first:last], len(self.x), 0, self.taken), lambda losses: None)
        self.optimizer.step()
        self.taken += 1
        return {"seconds": time.perf_counter() - began, "exchange": self.ranks.exchanging - before}

    def probe(self) -> dict[str, float]:
        """Seconds of the exchange of nearly nothing, and of all gradients; their bytes."""
        return {"small": self._exchange(8 * self.ranks.size), "large": self._exchange(self.batches.flat.size),
                "bytes": 4 * self.batches.flat.size}  # fmt: skip

    def _exchange(self, n: int) -> float:
        leaves, best = self.ranks.size, float("inf")
        part = {node: np.zeros(n, np.float32) for node in nodes(share(leaves, leaves, self.ranks.rank), (0, leaves))}
        for _ in range(PROBES):
            self.ranks.gather("together", 0)
            began = time.perf_counter()
            self.ranks.tree_sum("a probe", part, leaves, n)
            best = min(best, time.perf_counter() - began)
        return best

    def checksum(self) -> int:
        """Of the weights."""
        return checksum(self.network.state_dict())


def main() -> None:
    address, model, *numbers = sys.argv[1:]
    steps = Steps(model, *map(int, numbers))
    mg.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    with Client(address) as driver:
        driver.send(steps.ranks.rank)
        while (order := driver.recv()) != "end":
            driver.send(getattr(steps, order)())


if __name__ == "__main__":
    main()
