"""Class probabilities of a data set: softmax, averaged over crops."""

import sys
import time
from typing import NamedTuple

import numpy as np

from .. import kernels, models
from ..compile import compile as compile_model
from ..data import DataLoader
from ..formats import saved_model
from ..tensor import Tensor, no_grad
from .crops import crops

BATCH = 240  # crops that go through the network together, about


class TrainedModel(NamedTuple):
    """A trained network, what its weights belong to, and the file they came from."""

    model: object
    info: saved_model.Info
    path: str


def load(run_or_file):
    """The TrainedModel in a run's folder or a file of weights; ValueError, naming the file, if they do not fit their own network."""
    path = saved_model.find(run_or_file)
    weights, info = saved_model.load(path)
    try:
        model = models.build(info.model, **info.arguments)
        model.load_state_dict(weights, strict=False)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}: its weights do not fit the network that it names ({error})") from None
    missing = model.state_dict().keys() - weights.keys()
    if missing:
        raise ValueError(f"{path}: has no `{min(missing)}`, which the network {info.model} needs")
    for name, array in weights.items():
        if not np.isfinite(array).all():
            raise ValueError(f"{path}: `{name}` has values that are not finite")
    return TrainedModel(model.eval(), info, str(path))


def probabilities(member, dataset, n_crops, workers=2, progress=True):
    """The mean over `n_crops` crops of the class probabilities of each image: [n, classes]."""
    size = member.info.input_size[0]
    loader = DataLoader(dataset, max(1, BATCH // n_crops), num_workers=workers, transform=lambda image, _: crops(image, size, n_crops))
    run, found, began = _runner(member), [], time.perf_counter()
    for i, (images, _) in enumerate(loader, start=1):  # images [n, crops, h, w, c]
        each = run(images.reshape(-1, *images.shape[2:]))
        found.append(each.reshape(*images.shape[:2], -1).mean(axis=1))
        if progress and sys.stdout.isatty():
            rate = i * loader.batch_size * n_crops / (time.perf_counter() - began)
            print(f"\r{member.path}, {n_crops} crops: batch {i} of {len(loader)}, {rate:,.0f} forward passes/s ", end="", flush=True)
    if progress and sys.stdout.isatty():
        print("\r" + " " * 100 + "\r", end="")
    return np.concatenate(found)


def _runner(member):
    """A function from crops [n, h, w, c], 0 to 255, to probabilities: compiled for the size of the first batch, eager for any other."""
    mean, std = (np.asarray(values, np.float32) for values in (member.info.mean, member.info.std))
    plans = {}

    def run(images):
        x = (images - mean) / std
        if not plans and kernels.native:
            plans[x.shape] = compile_model(member.model, x.shape)
        if x.shape in plans:
            return kernels.softmax(plans[x.shape](x))
        with no_grad():
            return kernels.softmax(member.model(Tensor(x)).data)

    return run
