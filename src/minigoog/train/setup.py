"""From settings to the objects of a training: data, transforms and network."""

import inspect
import os
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .. import data, models, rng
from ..array_types import Shape
from ..data.datasets import STANDARD
from ..data.transforms import Compose
from ..formats.saved_model import Info
from ..models.googlenet import AUX_INPUT_SIZES
from ..nn import Module
from ..tensor import Tensor, no_grad
from . import augmentation, fingerprint
from .config import Config


class Setup(NamedTuple):
    """The objects of a training: data sets, their transforms, the network, the Info saved with its weights, facts about the images."""

    train: Any
    test: Any
    train_transform: Compose
    test_transform: Compose
    model: Module
    info: Info
    images: fingerprint.Facts

    @property
    def notes(self) -> list[str]:
        """What is in the folder of images but not in the data sets, a sentence each."""
        return list(dict.fromkeys([*self.train.notes, *self.test.notes]))

    @property
    def skipped(self) -> list[Path]:
        """The damaged images that were left out."""
        return [*self.train.skipped, *self.test.skipped]


def effective(config: Config, setup: Setup) -> Config:
    """The settings saved with a run: completed by `prepare`, and with an absolute path of the images."""
    path = config.data if config.data in STANDARD else os.path.abspath(os.path.expanduser(config.data))
    return replace(config, data=path, size=setup.info.input_size[0], augment=setup.info.more["augment"])


def prepare(config: Config) -> Setup:
    """The Setup of these settings; ValueError or OSError, naming the setting, if they do not fit together."""
    where = config.data_dir, config.download, config.skip_damaged
    train, test = (data.open_dataset(config.data, split, *where) for split in ("train", "test"))
    if config.batch_size > len(train):
        raise ValueError(f"train: `batch_size` is {config.batch_size}, expected at most the {len(train)} training images")
    size, channels = _size(config, train), train[0][0].shape[2]
    native = all(data.one_size(part) and part[0][0].shape[:2] == (size, size) for part in (train, test))
    statistics = data.image_statistics(train)
    augment = config.augment or augmentation.DEFAULTS.get(data.standard_name(config.data) or "", "paper")
    arguments = _arguments(config, len(train.classes), channels, size)
    more = {"augment": augment, "resize": str(augmentation.resized(size, native))}
    if config.skip_damaged:
        more["skipped"] = str(len(train.skipped) + len(test.skipped))
    info = Info(config.model, arguments, tuple(train.classes), (size, size, channels), *_as_floats(statistics), more)
    setup = Setup(
        train, test,
        augmentation.training(augment, size, statistics, native, config.interpolation, config.shift),
        augmentation.testing(size, statistics, native),
        new_model(config, info), info, fingerprint.of_images("training", train) | fingerprint.of_images("test", test),
    )  # fmt: skip
    _try(config, setup.model, (1, size, size, channels))
    return setup


def new_model(config: Config, info: Info) -> Module:
    """The network with its initial weights, which depend on the seed alone; the next random numbers depend on the sampling seed alone."""
    rng.manual_seed(config.seed)
    model: Module = models.build(info.model, **info.arguments)
    rng.manual_seed(config.samplings)
    return model


def _size(config: Config, dataset: Any) -> int:
    """Height and width of the network's input: as set, or the model's, or that of all images if it is the same."""
    if config.size is not None:
        return config.size
    if config.model not in models.ANY_SIZE:
        return models.INPUT_SIZES[config.model][0]
    height, width = dataset[0][0].shape[:2]
    if height != width or not data.one_size(dataset):
        known = "are not all square and of one size, or are too many to check"
        raise ValueError(f"train: `size` is missing: {config.model} takes images of any size, and those of `data` '{config.data}' {known}")
    return int(height)


def _arguments(config: Config, classes: int, channels: int, size: int) -> dict[str, Any]:
    """The arguments that the network is built with; ValueError, naming the setting, if it does not fit the data."""
    known = inspect.signature(models.MODELS[config.model]).parameters
    arguments: dict[str, Any] = {"num_classes": classes, "in_channels": channels} if "num_classes" in known else {}
    if not arguments and (classes, channels) != (10, 1):
        has = f"`data` has {channels} channels and {classes} classes"
        raise ValueError(f"train: `model` {config.model} takes grey images of 10 classes, but {has}")
    if "aux_heads" in known:
        arguments["aux_heads"] = size in AUX_INPUT_SIZES
    if config.norm:
        if "norm" not in known:
            raise ValueError(f"train: `norm` is true, but `model` {config.model} cannot be normalised")
        arguments["norm"] = True
    return arguments


def _try(config: Config, model: Module, shape: Shape) -> None:
    """Raises ValueError, naming `size`, if the network cannot take such images."""
    try:
        with no_grad():
            model.eval()(Tensor(np.zeros(shape, np.float32)))
    except ValueError as error:
        raise ValueError(f"train: `size` is {shape[1]}, which {config.model} cannot take ({error})") from None


def _as_floats(statistics: data.Statistics) -> tuple[tuple[float, ...], tuple[float, ...]]:
    return tuple(map(float, statistics.mean)), tuple(map(float, statistics.std))
