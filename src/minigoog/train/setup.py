"""From settings to the objects of a training: data, transforms and network."""

import inspect
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .. import data, models, rng
from ..array_types import Array, Shape
from ..data.datasets import STANDARD
from ..data.transforms import Compose, Transform
from ..data.whitening import whitening_filters
from ..formats.saved_model import Info
from ..models.googlenet import AUX_INPUT_SIZES
from ..nn import Module
from ..tensor import Tensor, no_grad
from ..text import listed
from . import augmentation, fingerprint
from .callbacks import Callback
from .classifier import Classifier
from .config import Config
from .distillation import Teacher
from .validation import held_out

WHITENING_IMAGES = 2000  # whose patches decide the filters of a first layer with `whiten`


class Setup(NamedTuple):
    """The objects of a training: data sets, their transforms, the network, the Info saved with its weights, facts about images and old
    weights; what makes the network anew; and if it is fine-tuned, its Classifier, and the constants of an imported network;
    who teaches and who watches it; and factors of the losses of each class's images, if any."""

    train: Any
    test: Any
    train_transform: Compose
    test_transform: Transform
    model: Module
    info: Info
    facts: fingerprint.Facts
    build: Callable[[Config], Module]
    classifier: Classifier | None = None
    constants: dict[str, Array] = {}  # noqa: RUF012  not changed
    teacher: Teacher | None = None
    callbacks: tuple[Callback, ...] = ()
    class_weights: Array | None = None

    @property
    def notes(self) -> list[str]:
        """What is in the folder of images but not in the data sets, a sentence each."""
        return list(dict.fromkeys([*self.train.notes, *self.test.notes]))

    @property
    def skipped(self) -> list[Path]:
        """The damaged images that were left out."""
        return [*self.train.skipped, *self.test.skipped]

    def anew(self, config: Config) -> "Setup":
        """The same with another network, for another model of an ensemble."""
        model = self.build(config)
        return self._replace(model=model, classifier=self.classifier and self.classifier.of(model))


def effective(config: Config, setup: Setup) -> Config:
    """The settings saved with a run: completed by `prepare`, and with absolute paths."""
    path = config.data if config.data in STANDARD else _absolute(config.data)
    weights, distill = (name and _absolute(name) for name in (config.weights, config.distill))
    return replace(config, data=path, weights=weights, distill=distill, size=setup.info.input_size[0], augment=setup.info.more["augment"])


def _absolute(path: str) -> str:
    return os.path.abspath(os.path.expanduser(path))


def prepare(config: Config, testing: bool = True) -> Setup:
    """The Setup of these settings; ValueError or OSError, naming the setting, if they do not fit together. testing: see `datasets`."""
    train, test = datasets(config, testing)
    size, channels = _size(config, train), train[0][0].shape[2]
    native = one_size((train, test), size)
    statistics = data.image_statistics(train)
    augment = augmentation.chosen(config)
    arguments = _arguments(config, len(train.classes), channels, size)
    more = {"augment": augment, "resize": str(augmentation.resized(size, native))}
    more |= skipped(config, train, test)
    info = Info(config.model, arguments, tuple(train.classes), (size, size, channels), *_as_floats(statistics), more)
    test_transform = augmentation.testing(size, statistics, native)
    build = partial(new_model, info, _whitening(config, train, test_transform))
    setup = Setup(
        train, test, augmentation.training(config, augment, size, lambda: statistics, native), test_transform,
        build(config), info, fingerprint.of_images("training", train) | fingerprint.of_images("test", test),
        build, teacher=Teacher(config, info, "RGB") if config.distill else None,
        class_weights=class_weights(config, train),
    )  # fmt: skip
    try_size(config, setup.model, (1, size, size, channels))
    return setup


def datasets(config: Config, testing: bool = True) -> tuple[Any, Any]:
    """The training and the test images; ValueError or OSError, naming the setting, if they cannot be used.

    testing: without it the test images stay closed, and the training images stand for them."""
    where = config.data_dir, config.download, config.skip_damaged
    train = data.open_dataset(config.data, "train", *where)
    test = data.open_dataset(config.data, "test", *where) if testing else train
    if config.validation:
        train, test = held_out(train, config.validation)
    if config.batch_size > len(train):
        raise ValueError(f"train: `batch_size` is {config.batch_size}, expected at most the {len(train)} training images")
    return train, test


def one_size(parts: Sequence[Any], size: int) -> bool:
    """Whether all images have `size` x `size` pixels already."""
    return all(data.one_size(part) and part[0][0].shape[:2] == (size, size) for part in parts)


def class_weights(config: Config, train: Any) -> Array | None:
    """Factors of the losses of each class's images: all classes count alike, and the mean over the training images is 1. Or None."""
    if config.class_weights == "none":
        return None
    counts = np.bincount(train.labels, minlength=len(train.classes))
    return np.asarray(counts.sum() / (np.count_nonzero(counts) * np.maximum(counts, 1)), np.float32)


def skipped(config: Config, train: Any, test: Any) -> dict[str, str]:
    """How many damaged images were left out, if that was asked for; for the Info."""
    return {"skipped": str(len(train.skipped) + len(test.skipped))} if config.skip_damaged else {}


def _whitening(config: Config, train: Any, transform: Transform) -> Array | None:
    """The weights of the first layer with `whiten`, from training images; ValueError, naming the setting, for a network without it."""
    if not config.whiten:
        return None
    if config.model not in models.WHITENED:
        raise ValueError(f"train: `whiten` is true, but `model` is {config.model}, expected one of {listed(models.WHITENED)}")
    chosen = np.linspace(0, len(train) - 1, min(WHITENING_IMAGES, len(train))).astype(int).tolist()
    some = (transform(np.asarray(train[i][0]), np.random.default_rng(0)) for i in chosen)
    return whitening_filters(some, *models.WHITENED[config.model])


def new_model(info: Info, whitening: Array | None, config: Config) -> Module:
    """The network with its initial weights, which depend on the seed alone; the next random numbers depend on the sampling seed alone.

    whitening: weights of its first layer, which are not trained, if any."""
    rng.manual_seed(config.seed)
    model: Module = models.build(info.model, **info.arguments)
    if whitening is not None:
        model.stem.weight.data[...] = whitening
        for parameter in model.stem.parameters():
            parameter.requires_grad = False
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
    if config.width is not None:
        if "width" not in known:
            raise ValueError(f"train: `width` is {config.width}, but `model` {config.model} has one width")
        arguments["width"] = config.width
    return arguments


def try_size(config: Config, model: Module, shape: Shape) -> None:
    """Raises ValueError, naming `size`, if the network cannot take such images."""
    try:
        with no_grad():
            model.eval()(Tensor(np.zeros(shape, np.float32)))
    except ValueError as error:
        raise ValueError(f"train: `size` is {shape[1]}, which {config.weights or config.model} cannot take ({error})") from None


def _as_floats(statistics: data.Statistics) -> tuple[tuple[float, ...], tuple[float, ...]]:
    return tuple(map(float, statistics.mean)), tuple(map(float, statistics.std))
