"""Batches of images and labels, prepared while the network trains."""

import os
import time
from collections import deque
from collections.abc import Iterator
from contextvars import copy_context
from itertools import islice
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..checks import check_bool, check_int
from . import batches
from .datasets import Dataset
from .images import Image
from .transforms import Transform

Batch: TypeAlias = tuple[NDArray[np.float32], NDArray[np.int64]]  # images [n, h, w, c], labels [n]


class DataLoader:
    """A data set in batches: `for images, labels in loader`, NumPy arrays float32 [n, h, w, c] and int64 [n].

    dataset      has `len(dataset)` and `dataset[i]`, an (image, label) pair; images of one batch have one shape after `transform`
    shuffle      a new order in each epoch; otherwise the order of the data set
    num_workers  threads that prepare batches while the caller computes, each up to `prefetch_factor` batches ahead; 0: none
    drop_last    leaves out a last batch of fewer than `batch_size` images
    even         makes all batches of nearly one size, at most `batch_size`, instead of leaving few images for the last
    transform    called as transform(image, generator), see `transforms`
    seed         for the order and random transforms: batch i of epoch e depends on (seed, e, i) only, not on `num_workers`

    Each loop over the loader is the next epoch; `loader.epoch(e, start=i)` is epoch e from batch i on. Workers are threads, because
    Pillow and NumPy release the interpreter lock while they work. They run in a copy of the caller's context: modes such as `no_grad` apply
    to them. The first five arguments and `prefetch_factor` are those of PyTorch's DataLoader; all after `shuffle` are keyword-only."""

    def __init__(
        self, dataset: Dataset, batch_size: int = 1, shuffle: bool = False, *, num_workers: int = 0, drop_last: bool = False,
        even: bool = False, prefetch_factor: int = 2, transform: Transform | None = None, seed: int = 0,
    ) -> None:  # fmt: skip
        if not isinstance(dataset, Dataset):
            raise TypeError(f"DataLoader: `dataset` is {type(dataset).__name__}, expected an object with __len__ and __getitem__")
        self.dataset, self.transform = dataset, transform
        self.batch_size = check_int("DataLoader", "batch_size", batch_size, 1)
        self.shuffle, self.drop_last = check_bool("DataLoader", "shuffle", shuffle), check_bool("DataLoader", "drop_last", drop_last)
        self.even = check_bool("DataLoader", "even", even)
        if self.drop_last and self.even:
            raise ValueError("DataLoader: `drop_last` and `even` are both True, expected one of them: even batches leave nothing over")
        self.num_workers = check_int("DataLoader", "num_workers", num_workers, 0)
        self.prefetch_factor = check_int("DataLoader", "prefetch_factor", prefetch_factor, 1)
        self.seed = check_int("DataLoader", "seed", seed, 0, 2**64 - 1)
        self.next_epoch = 0  # the number of the epoch that the next loop over the loader gives
        self.waited = 0.0  # seconds that the caller has waited for batches of the current epoch

    def __len__(self) -> int:
        n = len(self.dataset)
        return n // self.batch_size if self.drop_last else batches.count(n, self.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        """The batches of the next epoch: 0, then 1, ..."""
        self.next_epoch += 1
        return self.epoch(self.next_epoch - 1)

    def epoch(self, number: int = 0, start: int = 0) -> Iterator[Batch]:
        """The batches of epoch `number` from batch `start` on."""
        return self._timed(check_int("DataLoader.epoch", "number", number, 0), check_int("DataLoader.epoch", "start", start, 0))

    def _timed(self, number: int, start: int) -> Iterator[Batch]:
        """The same, adding up how long the caller waits."""
        self.waited, n = 0.0, len(self.dataset)
        order = np.random.default_rng((self.seed, number)).permutation(n) if self.shuffle else np.arange(n)
        numbers = range(start, len(self))
        ready = self._ahead(number, numbers, order) if self.num_workers else (self._batch(number, i, order) for i in numbers)
        while True:
            began = time.perf_counter()
            batch = next(ready, None)
            self.waited += time.perf_counter() - began
            if batch is None:
                return
            yield batch

    def _ahead(self, epoch: int, numbers: range, order: NDArray[np.int64]) -> Iterator[Batch]:
        """The batches, prepared by threads; leaving the loop early cancels batches that no thread has started."""
        from concurrent.futures import Future, ThreadPoolExecutor  # slow to import

        pool, process = ThreadPoolExecutor(self.num_workers, thread_name_prefix="minigoog-data"), os.getpid()
        waiting: deque[Future[Batch]] = deque()
        submitted = iter(numbers)
        try:
            for i in numbers:
                if os.getpid() != process:  # in the child of a fork: the threads are not there
                    yield self._batch(epoch, i, order)
                    continue
                for ahead in islice(submitted, self.num_workers * self.prefetch_factor + 1 - len(waiting)):
                    # a copy for each: two threads cannot be in one context at a time
                    waiting.append(pool.submit(copy_context().run, self._batch, epoch, ahead, order))
                yield waiting.popleft().result()
        finally:
            if os.getpid() == process:
                pool.shutdown(wait=False, cancel_futures=True)

    def _span(self, number: int) -> tuple[int, int]:
        """The first image of batch `number`, and the one behind its last, in the order of the epoch."""
        if self.even:
            return batches.span(len(self.dataset), self.batch_size, number)
        return number * self.batch_size, (number + 1) * self.batch_size

    def _batch(self, epoch: int, number: int, order: NDArray[np.int64]) -> Batch:
        first, behind = self._span(number)
        chosen = order[first:behind].tolist()
        generator = np.random.default_rng((self.seed, epoch, number))
        example, labels = self._example(chosen[0], generator), np.empty(len(chosen), np.int64)
        images = np.empty((len(chosen), *example[0].shape), np.float32)
        for k, index in enumerate(chosen):
            image, labels[k] = self._example(index, generator) if k else example
            if image.shape != images.shape[1:]:
                raise ValueError(
                    f"DataLoader: image {index} has shape {image.shape}, expected {images.shape[1:]} as the others of its batch; "
                    f"a `transform` such as CenterCrop gives them one size"
                )
            images[k] = image
        return images, labels

    def _example(self, index: int, generator: np.random.Generator) -> tuple[Image, int]:
        """Image number `index`, transformed, and its label."""
        image, label = self.dataset[index]
        image = np.asarray(image) if self.transform is None else self.transform(np.asarray(image), generator)
        return image, check_int("DataLoader", f"dataset[{index}][1]", label)
