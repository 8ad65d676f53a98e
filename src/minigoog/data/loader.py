"""Batches, prepared beside the training."""

import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from ..checks import check_int


class DataLoader:
    """A data set in batches of (images float32 [n, h, w, c], labels int64 [n]): `for x, y in loader.epoch(3)`.

    Order and random transforms are a function of (seed, epoch, number of the batch): the same for any number of `workers`, threads
    that prepare up to `prefetch` batches each ahead (Pillow and NumPy leave the interpreter to others while they work). Without
    `shuffle` the order is that of the data set; the last batch may be smaller, or is left out with `drop_last`."""

    def __init__(self, dataset, batch_size, transform=None, shuffle=False, seed=0, workers=0, prefetch=2, drop_last=False):
        self.dataset, self.transform, self.shuffle, self.drop_last = dataset, transform, shuffle, drop_last
        self.batch_size = check_int("DataLoader", "batch_size", batch_size, 1)
        self.seed = check_int("DataLoader", "seed", seed, 0, 2**64 - 1)
        self.workers = check_int("DataLoader", "workers", workers, 0)
        self.prefetch = check_int("DataLoader", "prefetch", prefetch, 1)
        self.waited = 0.0  # seconds for which the present epoch's batches were waited for

    def __len__(self):
        return len(self.dataset) // self.batch_size if self.drop_last else -(-len(self.dataset) // self.batch_size)

    def epoch(self, number=0, start=0):
        """The batches of one epoch from batch `start` on."""
        self.waited, n = 0.0, len(self.dataset)
        order = np.random.default_rng((self.seed, number)).permutation(n) if self.shuffle else np.arange(n)
        batches = self._ahead(number, order, start) if self.workers else (self._batch(number, i, order) for i in range(start, len(self)))
        while True:
            began = time.perf_counter()
            batch = next(batches, None)
            self.waited += time.perf_counter() - began
            if batch is None:
                return
            yield batch

    def _ahead(self, number, order, start):
        """The batches, prepared by threads; leaving early cancels those that nobody has begun."""
        pool = ThreadPoolExecutor(self.workers, thread_name_prefix="minigoog-data")
        try:
            waiting = deque()
            for i in range(start, len(self)):
                waiting.append(pool.submit(self._batch, number, i, order))
                if len(waiting) > self.workers * self.prefetch:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _batch(self, epoch, i, order):
        """Batch number `i`."""
        chosen = order[i * self.batch_size : (i + 1) * self.batch_size]
        labels = self.dataset.labels[chosen]
        generator = np.random.default_rng((self.seed, epoch, i))
        images = None
        for k, index in enumerate(chosen):
            image = self.dataset[index][0]
            image = image if self.transform is None else self.transform(image, generator)
            if images is None:
                images = np.empty((len(chosen), *image.shape), np.float32)
            if image.shape != images.shape[1:]:
                raise ValueError(f"DataLoader: image {index} has shape {image.shape}, the others of its batch {images.shape[1:]}")
            images[k] = image
        return images, labels
