"""Transforms of an image before the network sees it: torchvision's names and arguments, on arrays [h, w, c] with values from 0 to 255.

A transform is called as transform(image, generator). Random ones draw from this NumPy Generator, so that a DataLoader's seed decides
everything; without one they draw from that of `minigoog.manual_seed`. Images are uint8 until a transform makes them float32."""

import math
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike, NDArray

from .. import rng
from ..array_types import IntArray
from ..checks import check_choice, check_int, check_real
from ..text import short
from .images import INTERPOLATIONS, Image, check_interpolation, resize

Transform: TypeAlias = Callable[[Image, Generator], Image]

PADDING_MODES = ("constant", "reflect")
GREY = np.array([0.299, 0.587, 0.114], np.float32)  # luma of RGB (ITU-R BT.601, as in Pillow's "L")


class Compose:
    """One transform after another; each is called as transform(image, generator)."""

    def __init__(self, transforms: Iterable[Transform]) -> None:
        self.transforms = list(transforms)

    def __call__(self, image: Image, generator: Generator | None = None) -> Image:
        generator = _present(generator)
        for transform in self.transforms:
            image = transform(image, generator)
        return image

    def __repr__(self) -> str:
        return "\n".join(["Compose(", *(f"    {transform}" for transform in self.transforms), ")"])


class Resize:
    """Resizes so that the shorter side has `size` pixels, keeping the aspect ratio. (Paper, section 7)

    `interpolation`: nearest, bilinear, box (the average of an area) or bicubic."""

    def __init__(self, size: int, interpolation: str = "bilinear") -> None:
        self.size, self.interpolation = check_int("Resize", "size", size, 1), check_interpolation("Resize", interpolation)

    def __call__(self, image: Image, generator: Generator | None = None) -> Image:
        new = self.new_size(image)
        return image if new == image.shape[:2] else resize(image, new, self.interpolation)

    def new_size(self, image: Image) -> tuple[int, int]:
        """(height, width) of the resized image; the longer side is rounded down."""
        h, w = image.shape[:2]
        return (self.size, self.size * w // h) if h <= w else (self.size * h // w, self.size)

    def __repr__(self) -> str:
        return f"Resize({self.size}, {self.interpolation!r})"


class CenterCrop:
    """The `size` x `size` pixels in the centre."""

    def __init__(self, size: int) -> None:
        self.size = check_int("CenterCrop", "size", size, 1)

    def __call__(self, image: Image, generator: Generator | None = None) -> Image:
        h, w = image.shape[:2]
        if min(h, w) < self.size:
            raise ValueError(f"CenterCrop: the image has {h}x{w} pixels, expected at least {self.size}x{self.size}")
        top, left = round((h - self.size) / 2), round((w - self.size) / 2)
        return image[top : top + self.size, left : left + self.size]

    def __repr__(self) -> str:
        return f"CenterCrop({self.size})"


class RandomCrop:
    """`size` x `size` pixels at a random place in the image with `padding` pixels on each side.

    They are black, or with `padding_mode` "reflect" the image's own, mirrored at its edge without repeating the edge."""

    def __init__(self, size: int, padding: int = 0, *, padding_mode: str = "constant") -> None:
        self.size, self.padding = check_int("RandomCrop", "size", size, 1), check_int("RandomCrop", "padding", padding, 0)
        self.padding_mode = check_choice("RandomCrop", "padding_mode", padding_mode, PADDING_MODES)

    def __call__(self, image: Image, generator: Generator | None = None) -> Image:
        h, w, p = *image.shape[:2], self.padding
        if min(h, w) + 2 * p < self.size:
            raise ValueError(f"RandomCrop: the image has {h}x{w} pixels, expected at least {self.size} with a padding of {p} on each side")
        generator = _present(generator)
        top, left = generator.integers(0, (h + 2 * p - self.size + 1, w + 2 * p - self.size + 1)) - p
        if self.padding_mode == "reflect":
            rows, columns = (_reflected(first, self.size, n) for first, n in ((top, h), (left, w)))
            return image.take(rows, axis=0).take(columns, axis=1)
        out = np.zeros((self.size, self.size, image.shape[2]), image.dtype)
        inside = image[max(top, 0) : top + self.size, max(left, 0) : left + self.size]
        y, x = max(-top, 0), max(-left, 0)
        out[y : y + inside.shape[0], x : x + inside.shape[1]] = inside
        return out

    def __repr__(self) -> str:
        mode = "" if self.padding_mode == "constant" else f", padding_mode={self.padding_mode!r}"
        return f"RandomCrop({self.size}, padding={self.padding}{mode})"


@lru_cache(256)
def _reflected(first: int, size: int, n: int) -> IntArray:
    """The places in an axis of `n` pixels, mirrored at its ends, of `size` places from `first` on, which may be outside."""
    period = max(2 * (n - 1), 1)
    places: IntArray = np.arange(first, first + size) % period
    places = np.where(places < n, places, period - places)
    places.setflags(write=False)
    return places


class RandomResizedCrop:
    """A random part of the image with 8% to 100% of its area and an aspect ratio from 3/4 to 4/3, resized to `size` x `size`.

    The ratio is uniform in its logarithm, as in torchvision. `interpolation` "random" draws one of the four each time, as the paper
    did (section 6). If ten attempts do not fit, as may happen in very long images, it takes the centre, with the nearest possible ratio."""

    def __init__(
        self, size: int, scale: tuple[float, float] = (0.08, 1.0), ratio: tuple[float, float] = (3 / 4, 4 / 3),
        interpolation: str = "bilinear",
    ) -> None:  # fmt: skip
        self.size = check_int("RandomResizedCrop", "size", size, 1)
        self.scale, self.ratio = _check_range("scale", scale), _check_range("ratio", ratio)
        self.interpolation = check_interpolation("RandomResizedCrop", interpolation, also=("random",))

    def __call__(self, image: Image, generator: Generator | None = None) -> Image:
        generator = _present(generator)
        box = self.box(image.shape[0], image.shape[1], generator)
        interpolation = self.interpolation
        if interpolation == "random":
            interpolation = INTERPOLATIONS[generator.integers(len(INTERPOLATIONS))]
        return resize(image, (self.size, self.size), interpolation, box)

    def box(self, h: int, w: int, generator: Generator) -> tuple[int, int, int, int]:
        """(top, left, height, width) of the part."""
        for _ in range(10):
            area = h * w * generator.uniform(*self.scale)
            ratio = math.exp(generator.uniform(math.log(self.ratio[0]), math.log(self.ratio[1])))
            height, width = round(math.sqrt(area / ratio)), round(math.sqrt(area * ratio))
            if 0 < height <= h and 0 < width <= w:
                return (int(generator.integers(h - height + 1)), int(generator.integers(w - width + 1)), height, width)
        height, width = min(h, round(w / self.ratio[0])), min(w, round(h * self.ratio[1]))
        return (h - height) // 2, (w - width) // 2, height, width

    def __repr__(self) -> str:
        ratio = tuple(round(r, 3) for r in self.ratio)
        return f"RandomResizedCrop({self.size}, scale={self.scale}, ratio={ratio}, {self.interpolation!r})"


class RandomHorizontalFlip:
    """Flips the image from left to right, with probability `p`."""

    def __init__(self, p: float = 0.5) -> None:
        self.p = check_real("RandomHorizontalFlip", "p", p, 0, 1)

    def __call__(self, image: Image, generator: Generator | None = None) -> Image:
        generator = _present(generator)
        return image[:, ::-1] if generator.random() < self.p else image

    def __repr__(self) -> str:
        return f"RandomHorizontalFlip({self.p})"


class Cutout:
    """A square of `size` x `size` pixels, with its centre anywhere in the image, becomes 0: after Normalize, the mean colour.

    (DeVries, Taylor, arXiv 1708.04552)"""

    def __init__(self, size: int) -> None:
        self.size = check_int("Cutout", "size", size, 1)

    def __call__(self, image: Image, generator: Generator | None = None) -> Image:
        generator = _present(generator)
        top, left = (int(generator.integers(n)) - self.size // 2 for n in image.shape[:2])
        out = image.copy()
        out[max(top, 0) : max(top + self.size, 0), max(left, 0) : max(left + self.size, 0)] = 0
        return out

    def __repr__(self) -> str:
        return f"Cutout({self.size})"


class ColorJitter:
    """Changes brightness, contrast and saturation of an RGB image by random factors from [1 - x, 1 + x], in random order.

    Each blends the image with a base image: black, its mean grey, its grey version. Values are clipped to 0 to 255.
    (Howard, arXiv 1312.5402)"""

    def __init__(self, brightness: float = 0, contrast: float = 0, saturation: float = 0) -> None:
        amounts = {"brightness": brightness, "contrast": contrast, "saturation": saturation}
        self.amounts: dict[str, float] = {name: check_real("ColorJitter", name, x, 0) for name, x in amounts.items()}

    def __call__(self, image: Image, generator: Generator | None = None) -> Image:
        if image.shape[-1] != 3:
            raise ValueError(f"ColorJitter: the image has {image.shape[-1]} channels, expected 3 (RGB)")
        generator = _present(generator)
        image = image.astype(np.float32)
        for name in generator.permutation(list(self.amounts)).tolist():
            amount = self.amounts[name]
            if amount:
                factor = np.float32(generator.uniform(max(0.0, 1 - amount), 1 + amount))
                base = self.base(name, image)
                image = np.clip(base + factor * (image - base), 0, 255, dtype=np.float32)
        return image

    @staticmethod
    def base(name: str, image: Image) -> Image:
        """The base image: the result for factor 0."""
        if name == "brightness":
            return np.zeros(1, np.float32)
        grey: Image = image @ GREY
        return grey.mean(keepdims=True, dtype=np.float32) if name == "contrast" else grey[..., None]

    def __repr__(self) -> str:
        return f"ColorJitter({', '.join(f'{name}={x:g}' for name, x in self.amounts.items())})"


class Lighting:
    """Adds the principal components of the data's colours to all pixels, each times a random number with standard deviation `alpha_std`
    and the square root of its eigenvalue. (Krizhevsky et al. 2012, section 4.1)

    eigenvalues [c] and eigenvectors [c, c] (one a column) of the covariance of the channels, for values from 0 to 255."""

    def __init__(self, alpha_std: float, eigenvalues: ArrayLike, eigenvectors: ArrayLike) -> None:
        self.alpha_std = check_real("Lighting", "alpha_std", alpha_std, 0)
        values, vectors = np.asarray(eigenvalues), np.asarray(eigenvectors)
        if values.ndim != 1 or not (np.isfinite(values) & (values >= 0)).all() or vectors.shape != 2 * values.shape:
            given = f"`eigenvalues` is {short(eigenvalues)}, `eigenvectors` has shape {vectors.shape}"
            raise ValueError(f"Lighting: {given}, expected [c], of at least 0, and [c, c]")
        self.components: NDArray[Any] = vectors * np.sqrt(values)

    def __call__(self, image: Image, generator: Generator | None = None) -> Image:
        if image.shape[-1] != len(self.components):
            raise ValueError(f"Lighting: the image has {image.shape[-1]} channels, expected {len(self.components)}, as `eigenvalues`")
        shift = self.components @ _present(generator).normal(0, self.alpha_std, len(self.components))
        return image + shift.astype(np.float32)

    def __repr__(self) -> str:
        return f"Lighting({self.alpha_std})"


class Normalize:
    """(image - mean) / std for each channel, as float32.

    `mean` and `std` are in units of the image's values: for images from 0 to 255, 255 times the numbers that are usual with
    torchvision, whose ToTensor divides by 255. A `std` below 1 for a uint8 image is an error, because it suggests these numbers."""

    def __init__(self, mean: ArrayLike, std: ArrayLike) -> None:
        mean, std = self.mean, self.std = np.asarray(mean, np.float32), np.asarray(std, np.float32)
        if not (self.std > 0).all() or self.mean.shape != self.std.shape:
            raise ValueError(f"Normalize: `mean` is {mean} and `std` {std}, expected a number of each for each channel, std above 0")

    def __call__(self, image: Image, generator: Generator | None = None) -> Image:
        if image.dtype == np.uint8 and (self.std < 1).all():
            raise ValueError(f"Normalize: `std` is {self.std} for an image from 0 to 255, expected `mean` and `std` times 255")
        if self.mean.size not in (1, image.shape[-1]):
            raise ValueError(f"Normalize: the image has {image.shape[-1]} channels, expected {self.mean.size}, as `mean` {self.mean}")
        return normalized(image, self.mean, self.std)

    def __repr__(self) -> str:
        return f"Normalize({self.mean.round(2).tolist()}, {self.std.round(2).tolist()})"


def normalized(pixels: NDArray[Any], mean: NDArray[np.float32], std: NDArray[np.float32]) -> NDArray[np.float32]:
    """(pixels - mean) / std; pixels [..., w, c], mean and std a number for each channel, or one for all."""
    *rows, w, c = pixels.shape
    flat = pixels.reshape(*rows, w * c)  # NumPy is slow where the last axis has three numbers
    whole: NDArray[np.float32] = np.subtract(flat, _repeated(mean.tobytes(), w * c), dtype=np.float32)
    whole /= _repeated(std.tobytes(), w * c)
    return whole.reshape(pixels.shape)


@lru_cache(256)
def _repeated(values: bytes, n: int) -> NDArray[np.float32]:
    """`n` numbers: float32 values, again and again."""
    found = np.resize(np.frombuffer(values, np.float32), n)
    found.setflags(write=False)
    return found


def _present(generator: Generator | None) -> Generator:
    """`generator`, or that of `minigoog.manual_seed` if there is none."""
    return rng.generator() if generator is None else generator


def _check_range(name: str, values: tuple[float, float]) -> tuple[float, float]:
    """Returns `values` of RandomResizedCrop if they are two numbers above 0, the smaller first."""
    if isinstance(values, (tuple, list)) and len(values) == 2:
        low, high = (check_real("RandomResizedCrop", name, value, 0) for value in values)
        if 0 < low <= high:
            return low, high
    raise ValueError(f"RandomResizedCrop: `{name}` is {short(values)}, expected a pair (smallest, largest) above 0")
