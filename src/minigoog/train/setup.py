"""From settings to what is trained: the data, how images become the network's input, and the network."""

import inspect
from pathlib import Path
from typing import NamedTuple

from .. import data, models, rng
from ..formats.saved_model import Info
from . import augmentation

SIZES = {"googlenet": 224, "alexnet": 227, "lenet5": 32, "nin": 32}  # of the networks that take one size only
HEADS_SIZE = 224  # GoogLeNet's auxiliary heads fit no other


class Setup(NamedTuple):
    """What a run is about: the data sets, their transforms, the network, and what its weights belong to."""

    train: object
    test: object
    train_transform: object
    test_transform: object
    model: object
    info: Info


def prepare(config):
    """The Setup of these settings; ValueError or OSError, naming the setting, if they do not fit together."""
    rng.manual_seed(config.seed)
    where = {"data_dir": config.data_dir, "download": config.download}
    train, test = (data.open_dataset(config.data, split, **where) for split in ("train", "test"))
    if config.batch_size > len(train):
        raise ValueError(f"train: `batch_size` is {config.batch_size}, expected at most the {len(train)} training images")
    height, width, channels = train[0][0].shape
    size = config.size or SIZES.get(config.model) or _common_size(config, train)
    native = (height, width) == (size, size) and data.one_size(train) and data.one_size(test)
    statistics = data.image_statistics(train)
    augment = config.augment or augmentation.DEFAULTS.get(Path(config.data).name, "paper")
    model, arguments = _model(config, len(train.classes), channels, size)
    rng.manual_seed(config.seed if config.sampling_seed is None else config.sampling_seed)
    return Setup(
        train, test,
        augmentation.training(augment, size, statistics, native, config.interpolation, config.shift),
        augmentation.testing(size, statistics, native),
        model,
        Info(config.model, arguments, tuple(train.classes), (size, size, channels), *_as_floats(statistics), {"augment": augment}),
    )  # fmt: skip


def _common_size(config, dataset):
    """The size of all images, if they have one."""
    height, width = dataset[0][0].shape[:2]
    if height != width or not data.one_size(dataset):
        raise ValueError(f"train: `size` is missing: the images of `data` '{config.data}' have many sizes, and {config.model} takes any")
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
        arguments["aux_heads"] = size == HEADS_SIZE
    if config.norm:
        if "norm" not in known:
            raise ValueError(f"train: `norm` is true, but `model` {config.model} cannot be normalised")
        arguments["norm"] = True
    return build(**arguments), arguments


def _as_floats(statistics):
    return tuple(map(float, statistics.mean)), tuple(map(float, statistics.std))
