"""Class probabilities of a data set: softmax, averaged over crops."""

import sys
import time
from typing import Any

import numpy as np

from ..array_types import Array
from ..data import DataLoader
from ..data.transforms import Transform
from ..loading import TrainedModel, runner
from ..parallel import Alone, Communicator
from ..parallel.deal import Part, blocks
from ..text import printable
from .crops import crops, with_mirrors

ALONE = Alone()
BATCH = 240  # about how many crops go through the network together


def probabilities(
    model: TrainedModel, dataset: Any, n_crops: int, workers: int = 2, progress: bool = True, batch_invariant: bool = False,
    ranks: Communicator = ALONE,
) -> Array:  # fmt: skip
    """The mean over `n_crops` crops of the class probabilities of each image: [n, classes]. progress: on a terminal, counts batches.

    batch_invariant: the probabilities of an image have the same bits, whatever the images around it (see `compile`). ranks: processes that
    share the batches; all of them return all probabilities, which have the bits of one process."""
    size = max(1, BATCH // n_crops)
    own = Part(dataset, blocks(len(dataset), size, ranks)[ranks.rank])
    loader = DataLoader(own, size, num_workers=workers, transform=_cropping(model, n_crops))
    run, found, began = runner(model, batch_invariant), [], time.perf_counter()
    progress = progress and sys.stdout.isatty()
    for i, (images, _) in enumerate(loader.epoch(), start=1):  # images [n, crops, h, w, c]
        each = run(model.preprocess.normalized(images.reshape(-1, *images.shape[2:])))
        found.append(each.reshape(*images.shape[:2], -1).mean(axis=1, dtype=np.float64))
        if progress:
            rate = i * loader.batch_size * n_crops / (time.perf_counter() - began)
            at = f"{n_crops} crops: batch {i} of {len(loader)}, {rate:,.0f} forward passes/s "
            print(f"\r{printable(model.path)}, {at}", end="", flush=True)
    if progress:
        print("\r" + " " * 100 + "\r", end="")
    return np.concatenate([part for each in ranks.gather("the probabilities", found) for part in each])


def _cropping(model: TrainedModel, n_crops: int) -> Transform:
    """The transform that makes `n_crops` crops of an image; one is the middle, as the file of a network from elsewhere wants it."""
    height, width, _ = model.preprocess.input_size
    if n_crops <= 2 and "preprocess" in model.info.more:
        return lambda image, _: with_mirrors([model.preprocess.middle(image)])[:n_crops]
    if height != width:
        raise ValueError(f"{printable(model.path)}: takes images of {height}x{width} pixels; `n_crops` is {n_crops}, which needs squares")
    return lambda image, _: crops(image, height, n_crops)
