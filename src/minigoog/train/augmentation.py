"""From an image to the network's input: with augmentation in training; its central crop in testing."""

from collections.abc import Callable

from ..data import Statistics
from ..data import transforms as t

AUGMENTATIONS = {  # what training adds to the transform of test images
    "none": "nothing",
    "shift": "a crop from anywhere in the image: of an image of the network's own size, the image shifted by up to an eighth",
    "crop": "the same, mirrored half of the time; of larger images, what testing with 10 crops sees (Krizhevsky et al. 2012)",
    "scale": "crops of 40% to 100% of the area, mirror: what testing with 144 crops sees",
    "paper": "crops of 8% to 100% of the area, mirror, brightness, contrast, colour, lighting (section 6, Howard)",
}
DEFAULTS = {"digits": "none", "mnist": "shift", "fashion-mnist": "crop", "cifar10": "crop", "cifar100": "crop"}  # else the paper's
SCALES = (0.4, 1.0)  # share of the area: the smallest of 144 crops covers 40%
CONTEXT = 256 / 224  # the shorter side of a resized test image, relative to the crop from its middle (section 7)


def training(
    name: str, size: int, statistics: Callable[[], Statistics], native: bool, interpolation: str, shift: int | None = None,
    end: t.Transform | None = None,
) -> t.Compose:  # fmt: skip
    """The transform of a training image: resized to `size`, augmented as `name` of AUGMENTATIONS says, normalised, by `end` if given.

    native: whether all images have that size already. statistics: gives those of the colours, if they are needed. shift: the largest
    shift of native images in pixels; None: an eighth of the size."""
    end = end or t.Normalize(*statistics()[:2])
    if name == "none":
        return t.Compose([t.Resize(resized(size, native)), t.CenterCrop(size), end])
    if name == "scale":
        return t.Compose([t.RandomResizedCrop(size, SCALES, interpolation=interpolation), t.RandomHorizontalFlip(), end])
    if name == "paper":
        found = statistics()
        colours: list[t.Transform] = [t.ColorJitter(0.4, 0.4, 0.4), t.Lighting(0.1, *found.pca)] if len(found.mean) == 3 else []
        return t.Compose([t.RandomResizedCrop(size, interpolation=interpolation), t.RandomHorizontalFlip(), *colours, end])
    mirror = [t.RandomHorizontalFlip()] if name == "crop" else []
    shift = max(1, size // 8) if shift is None else shift
    crop = [t.RandomCrop(size, padding=shift)] if native else [t.Resize(resized(size, native)), t.RandomCrop(size)]
    return t.Compose([*crop, *mirror, end])


def testing(size: int, statistics: Statistics, native: bool) -> t.Compose:
    """The transform of a test image: its middle at `size`, normalised. `Preprocess` repeats it for a trained model."""
    return t.Compose([t.Resize(resized(size, native)), t.CenterCrop(size), t.Normalize(statistics.mean, statistics.std)])


def resized(size: int, native: bool) -> int:
    """The shorter side of a test image before its central crop."""
    return size if native else round(size * CONTEXT)
