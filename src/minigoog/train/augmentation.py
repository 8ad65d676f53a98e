"""From an image to the network's input: with augmentation in training; its central crop in testing."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ..data import Dataset, Statistics, standard_name
from ..data import transforms as t
from ..data.alternating import AlternatingMirror

if TYPE_CHECKING:
    from .config import Config

AUGMENTATIONS = {  # what training adds to the transform of test images
    "none": "nothing",
    "shift": "a crop from anywhere in the image: of an image of the network's own size, the image shifted by up to an eighth",
    "crop": "the same, mirrored half of the time; of larger images, what testing with 10 crops sees (Krizhevsky et al. 2012)",
    "scale": "crops of 40% to 100% of the area, mirror: what testing with 144 crops sees",
    "paper": "crops of 8% to 100% of the area, mirror, brightness, contrast, colour, lighting (section 6, Howard)",
}
MIRRORS = ("random", "alternate")
UNMIRRORED = ("none", "shift")
DEFAULTS = {"digits": "none", "mnist": "shift", "fashion-mnist": "crop", "cifar10": "crop", "cifar100": "crop"}
SCALES = (0.4, 1.0)  # share of the area: the smallest of 144 crops covers 40%
CONTEXT = 256 / 224  # the shorter side of a resized test image, relative to the crop from its middle (section 7)


def chosen(config: Config) -> str:
    """Which of AUGMENTATIONS the settings ask for; by default that of the data set, else the paper's, or a milder one in fine-tuning."""
    return config.augment or DEFAULTS.get(standard_name(config.data) or "", "crop" if config.weights else "paper")


def training(
    config: Config, name: str, size: int, statistics: Callable[[], Statistics], native: bool, normalize: t.Transform | None = None
) -> t.Compose:
    """The transform of a training image: resized to `size`, augmented as `name` of AUGMENTATIONS and the settings say, normalised.

    native: whether all images have that size already. statistics: gives those of the colours, if they are needed. normalize: another
    way to do that."""
    interpolation = config.interpolation
    end: list[t.Transform] = [normalize or t.Normalize(*statistics()[:2])]
    end += [t.Cutout(config.cutout)] if config.cutout else []
    mirror = [t.RandomHorizontalFlip()] if config.mirror == "random" and name not in UNMIRRORED else []
    if name == "none":
        return t.Compose([t.Resize(resized(size, native)), t.CenterCrop(size), *end])
    if name == "scale":
        return t.Compose([t.RandomResizedCrop(size, SCALES, interpolation=interpolation), *mirror, *end])
    if name == "paper":
        found = statistics()
        colours: list[t.Transform] = [t.ColorJitter(0.4, 0.4, 0.4), t.Lighting(0.1, *found.pca)] if len(found.mean) == 3 else []
        return t.Compose([t.RandomResizedCrop(size, interpolation=interpolation), *mirror, *colours, *end])
    shift = max(1, size // 8) if config.shift is None else config.shift
    shifted = t.RandomCrop(size, shift, padding_mode=config.padding_mode)
    crop = [shifted] if native else [t.Resize(resized(size, native)), t.RandomCrop(size)]
    return t.Compose([*crop, *mirror, *end])


def in_epoch(config: Config, dataset: Dataset, epoch: int) -> Dataset:
    """The training images as an epoch begins with them: some of them mirrored, if that alternates."""
    if config.mirror == "random" or config.augment in UNMIRRORED:
        return dataset
    return AlternatingMirror(dataset, config.samplings, epoch)


def testing(size: int, statistics: Statistics, native: bool) -> t.Compose:
    """The transform of a test image: its middle at `size`, normalised. `Preprocess` repeats it for a trained model."""
    return t.Compose([t.Resize(resized(size, native)), t.CenterCrop(size), t.Normalize(statistics.mean, statistics.std)])


def resized(size: int, native: bool) -> int:
    """The shorter side of a test image before its central crop."""
    return size if native else round(size * CONTEXT)
