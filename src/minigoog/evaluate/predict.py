"""Class probabilities of a data set: softmax, averaged over crops."""

import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import kernels
from ..array_types import Array
from ..compile import compile as compile_model
from ..data import DataLoader
from ..loading import TrainedModel
from ..tensor import Tensor, no_grad
from ..text import printable
from .crops import crops

BATCH = 240  # about how many crops go through the network together


def probabilities(
    model: TrainedModel, dataset: Any, n_crops: int, workers: int = 2, progress: bool = True, batch_invariant: bool = False
) -> Array:
    """The mean over `n_crops` crops of the class probabilities of each image: [n, classes]. progress: on a terminal, counts batches.

    batch_invariant: the probabilities of an image have the same bits, whatever the images around it (see `compile`)."""
    size = model.info.input_size[0]
    loader = DataLoader(dataset, max(1, BATCH // n_crops), num_workers=workers, transform=lambda image, _: crops(image, size, n_crops))
    run, found, began = _runner(model, batch_invariant), [], time.perf_counter()
    progress = progress and sys.stdout.isatty()
    for i, (images, _) in enumerate(loader.epoch(), start=1):  # images [n, crops, h, w, c]
        each = run(images.reshape(-1, *images.shape[2:]))
        found.append(each.reshape(*images.shape[:2], -1).mean(axis=1, dtype=np.float64))
        if progress:
            rate = i * loader.batch_size * n_crops / (time.perf_counter() - began)
            at = f"{n_crops} crops: batch {i} of {len(loader)}, {rate:,.0f} forward passes/s "
            print(f"\r{printable(model.path)}, {at}", end="", flush=True)
    if progress:
        print("\r" + " " * 100 + "\r", end="")
    return np.concatenate(found)


def _runner(model: TrainedModel, batch_invariant: bool) -> Callable[[Array], Array]:
    """A function from crops [n, h, w, c], 0 to 255, to probabilities: compiled for the size of the first batch, eager for any other;
    if `batch_invariant`, compiled for each size."""
    plans: dict[tuple[int, ...], Any] = {}

    def run(images: Array) -> Array:
        x = model.preprocess.normalized(images)
        if batch_invariant and x.shape not in plans or not plans and kernels.native:
            plans[x.shape] = compile_model(model, x.shape, algorithm="batch_invariant" if batch_invariant else "auto")
        if x.shape in plans:
            return kernels.softmax(plans[x.shape](x))
        with no_grad():
            return kernels.softmax(model(Tensor(x)).data)

    return run
