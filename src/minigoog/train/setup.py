"""From settings to what is trained: the data, how images become the network's input, and the network."""

import inspect
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from .. import data, models, rng
from ..data.datasets import STANDARD
from ..formats.saved_model import Info
from ..models.googlenet import AUX_INPUT_SIZES
from ..tensor import Tensor, no_grad
from . import augmentation

SIZES = {"googlenet": 224, "alexnet": 227, "lenet5": 32, "nin": 32}  # of the networks that take one size only


class Setup(NamedTuple):
    """What a run is about: the data sets, their transforms, the network, what its weights belong to, and whether the data are the same."""

    train: object
    test: object
    train_transform: object
    test_transform: object
    model: object
    info: Info
    fingerprint: str


def effective(config, setup):
    """The settings with what `prepare` found out, and the path of a folder of images that is right from anywhere: what a run is kept as."""
    path = config.data if config.data in STANDARD else os.path.abspath(os.path.expanduser(config.data))
    return replace(config, data=path, size=setup.info.input_size[0], augment=setup.info.more["augment"])


def prepare(config):
    """The Setup of these settings; ValueError or OSError, naming the setting, if they do not fit together."""
    rng.manual_seed(config.seed)
    where = {"data_dir": config.data_dir, "download": config.download}
    train, test = (data.open_dataset(config.data, split, **where) for split in ("train", "test"))
    if config.batch_size > len(train):
        raise ValueError(f"train: `batch_size` is {config.batch_size}, expected at most the {len(train)} training images")
    channels = train[0][0].shape[2]
    size = config.size or SIZES.get(config.model) or _common_size(config, train)
    native = all(data.one_size(part) and part[0][0].shape[:2] == (size, size) for part in (train, test))
    statistics = data.image_statistics(train)
    augment = config.augment or augmentation.DEFAULTS.get(Path(config.data).name, "paper")
    model, arguments = _model(config, len(train.classes), channels, size)
    _try(config, model, (1, size, size, channels))
    rng.manual_seed(config.seed if config.sampling_seed is None else config.sampling_seed)
    return Setup(
        train, test,
        augmentation.training(augment, size, statistics, native, config.interpolation, config.shift),
        augmentation.testing(size, statistics, native),
        model,
        Info(config.model, arguments, tuple(train.classes), (size, size, channels), *_as_floats(statistics), {"augment": augment}),
        json.dumps([train.fingerprint(), test.fingerprint()]),
    )  # fmt: skip


def _common_size(config, dataset):
    """The size of all images, if they have one."""
    height, width = dataset[0][0].shape[:2]
    if height != width or not data.one_size(dataset):
        known = "are not all square and of one size, or are too many to look at"
        raise ValueError(f"train: `size` is missing: {config.model} takes images of any size, and those of `data` '{config.data}' {known}")
    return height


def _model(config, classes, channels, size):
    """(the network, the arguments that it was built with)."""
    build = models.MODELS[config.model]
    known = inspect.signature(build).parameters
    arguments = {"num_classes": classes, "in_channels": channels} if "num_classes" in known else {}
    if not arguments and (classes, channels) != (10, 1):
        has = f"`data` has {channels} channels and {classes} classes"
        raise ValueError(f"train: `model` {config.model} takes grey images of 10 classes, but {has}")
    if "aux_heads" in known:
        arguments["aux_heads"] = size in AUX_INPUT_SIZES
    if config.norm:
        if "norm" not in known:
            raise ValueError(f"train: `norm` is true, but `model` {config.model} cannot be normalised")
        arguments["norm"] = True
    return build(**arguments), arguments


def _try(config, model, shape):
    """Raises ValueError, naming `size`, if the network cannot take such images."""
    try:
        with no_grad():
            model.eval()(Tensor(np.zeros(shape, np.float32)))
    except ValueError as error:
        raise ValueError(f"train: `size` is {shape[1]}, which {config.model} cannot take ({error})") from None


def _as_floats(statistics):
    return tuple(map(float, statistics.mean)), tuple(map(float, statistics.std))
