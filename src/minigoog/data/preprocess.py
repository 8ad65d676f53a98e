"""From photographs to the input of a network: size, crop, colours and range, as the network saw them in its training."""

import json
import math
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from numbers import Real
from typing import Any, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from ..array_types import Array, Shape
from ..checks import check_bool, check_choice
from ..text import listed, short
from .images import INTERPOLATIONS, decode, resize
from .transforms import GREY, Resize, normalized

Pixels: TypeAlias = NDArray[Any]  # an image [h, w, 1 or 3], from 0 to 255
Photograph: TypeAlias = str | os.PathLike[str] | Pixels  # a file, or an array uint8 [h, w] or [h, w, 1 or 3]

LONGEST_SIDE = 1 << 14  # pixels of an image: 800 MB in memory
COLOURS = ("RGB", "BGR")
SETTINGS = ("resize", "colours", "interpolation", "antialias")  # what `settings` holds beside size, mean and std


@dataclass(frozen=True)
class Preprocess:
    """From images to the input of a network: `preprocess("cat.jpg")` is float32 [1, h, w, c].

    - `input_size`: (height, width, channels) of that input; of one channel: the image becomes grey
    - `resize`: an integer: the shorter side gets this length, and the centre is cropped to `input_size`; a pair (height, width): the image
      is squeezed to it before the crop; a float up to 1: this part of each side, from the centre, is squeezed to `input_size`
    - `mean`, `std`: of each channel, from 0 to 255 and in the network's order: it sees (image - mean) / std
    - `colours`: the network's order of channels, RGB or BGR
    - `interpolation`: nearest, bilinear, box or bicubic
    - `antialias`: whether each pixel is a mean over all that it covers where the image shrinks (Pillow, torchvision; TensorFlow: not)

    Takes an image (a file or an array uint8 [h, w] or [h, w, 1 or 3]) or several: a list of images, or an array [n, h, w, c]. Anything
    else is a TypeError or ValueError that names what was given."""

    input_size: tuple[int, int, int]
    resize: int | float | tuple[int, int]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    colours: str = "RGB"
    interpolation: str = "bilinear"
    antialias: bool = True

    def __post_init__(self) -> None:
        _check_size(self.input_size)
        for name in ("mean", "std"):
            object.__setattr__(self, name, _checked(name, getattr(self, name), self.input_size[2]))
        _check_resize(self.resize, self.input_size)
        check_choice("Preprocess", "colours", self.colours, COLOURS)
        check_choice("Preprocess", "interpolation", self.interpolation, INTERPOLATIONS)
        object.__setattr__(self, "antialias", check_bool("Preprocess", "antialias", self.antialias))
        if not self.antialias and self.interpolation != "bilinear":
            raise ValueError(f"Preprocess: `interpolation` is {self.interpolation} without antialias, expected bilinear")

    def __call__(self, images: Photograph | Sequence[Photograph]) -> Array:
        found = [self.normalized(self.middle(image)) for image in _listed(images)]
        return np.stack(found) if found else np.zeros((0, *self.input_size), np.float32)

    def middle(self, image: Any) -> Pixels:
        """The part of an image that the network sees, in its size, as RGB or grey from 0 to 255."""
        pixels, (height, width, channels) = _pixels(image), self.input_size
        pixels = _centre(self._resized(pixels), height, width)
        if pixels.shape[2] != channels:
            pixels = (pixels @ GREY)[..., None] if channels == 1 else np.repeat(pixels, channels, axis=2)
        return cast(Pixels, pixels)

    def normalized(self, pixels: Pixels) -> Array:
        """(pixels - mean) / std as float32, in the network's order of channels; pixels [..., c] as `middle` gives them."""
        ordered = pixels[..., ::-1] if self.colours == "BGR" else pixels
        return normalized(ordered, np.array(self.mean, np.float32), np.array(self.std, np.float32))

    def as_json(self) -> str:
        """All settings as a JSON object: `from_json` reads it."""
        return json.dumps(asdict(self))

    def settings(self) -> str:
        """The settings that a saved model does not hold in fields of its own, as a JSON object."""
        return json.dumps({name: value for name, value in asdict(self).items() if name in SETTINGS})

    def _resized(self, pixels: Pixels) -> Pixels:
        if isinstance(self.resize, int):
            if self.antialias:
                return Resize(self.resize, self.interpolation)(pixels, None)
            return plain_bilinear(pixels, Resize(self.resize).new_size(pixels))
        if isinstance(self.resize, float):
            sides = [max(1, round(n * self.resize)) for n in pixels.shape[:2]]
            pixels, size = _centre(pixels, *sides), self.input_size[:2]
        else:
            size = self.resize
        if pixels.shape[:2] == size:
            return pixels
        return resize(pixels, (size[0], size[1]), self.interpolation) if self.antialias else plain_bilinear(pixels, (size[0], size[1]))


def from_facts(facts: Any) -> Preprocess:
    """The Preprocess of a JSON object with its settings; ValueError or TypeError if they are odd."""
    if not isinstance(facts, dict):
        raise ValueError(f"its preprocessing is {short(facts)}, expected an object")
    facts = {name: tuple(value) if isinstance(value, list) else value for name, value in facts.items()}
    if unknown := facts.keys() - Preprocess.__dataclass_fields__.keys():
        raise ValueError(f"its preprocessing has {short(min(unknown))}, expected some of {listed(Preprocess.__dataclass_fields__, 20)}")
    if missing := {"input_size", "resize", "mean", "std"} - facts.keys():
        raise ValueError(f"its preprocessing has no {min(missing)}")
    return Preprocess(**facts)


def plain_bilinear(image: Pixels, size: tuple[int, int]) -> Pixels:
    """`image` uint8 [h, w, c] at `size`, each pixel from the four nearest ones only, also where the image shrinks."""
    rows, columns = (_neighbours(old, new) for old, new in zip(image.shape, size, strict=False))
    part = image[:, columns[0]] * (1 - columns[2])[:, None] + image[:, columns[1]] * columns[2][:, None]
    whole = part[rows[0]] * (1 - rows[2])[:, None, None] + part[rows[1]] * rows[2][:, None, None]
    return cast(Pixels, np.rint(whole).astype(np.uint8))


def _neighbours(old: int, new: int) -> tuple[Any, Any, Any]:
    """(index before, index after, weight of the latter) of each of `new` pixels along an axis of `old`, centres at half-integers."""
    at = np.clip((np.arange(new) + 0.5) * (old / new) - 0.5, 0, old - 1)
    first = at.astype(np.intp)
    return first, np.minimum(first + 1, old - 1), (at - first).astype(np.float32)


def _centre(pixels: Pixels, height: int, width: int) -> Pixels:
    """The centre of an image, rounded as by torchvision's CenterCrop."""
    h, w = pixels.shape[:2]
    top, left = round((h - height) / 2), round((w - width) / 2)
    return pixels[top : top + height, left : left + width]


def _check_size(size: Any) -> None:
    sides = isinstance(size, (tuple, list)) and len(size) == 3 and all(type(n) is int and 0 < n <= LONGEST_SIDE for n in size)
    if not sides or size[2] not in (1, 3):
        raise ValueError(f"Preprocess: `input_size` is {short(size)}, expected (height, width, 1 or 3) of at most {LONGEST_SIDE} pixels")


def numbers(values: Any) -> tuple[float, ...]:
    """The numbers in a tuple, a list or an array [n], as floats, so that JSON can hold them; () for anything else."""
    if not isinstance(values, (tuple, list)) and not (isinstance(values, np.ndarray) and values.ndim == 1):
        return ()
    try:
        return tuple(float(x) for x in values) if all(isinstance(x, Real) and not isinstance(x, bool) for x in values) else ()
    except OverflowError:  # an integer larger than all floats
        return ()


def _checked(name: str, values: Any, channels: int) -> tuple[float, ...]:
    """`mean` or `std`, a float for each channel."""
    found, positive = numbers(values), name == "std"
    if len(found) != channels or not all(map(math.isfinite, found)) or (positive and min(found) <= 0):
        expected = f"a finite number for each of {channels} channels{', above 0' * positive}"
        raise ValueError(f"Preprocess: `{name}` is {short(values)}, expected {expected}")
    return found


def _check_resize(resize: Any, input_size: Shape) -> None:
    """Raises ValueError unless each image becomes at least as large as the network's input."""
    height, width = input_size[:2]
    if type(resize) is int and max(height, width) <= resize <= LONGEST_SIDE:
        return
    pair = isinstance(resize, tuple) and len(resize) == 2 and all(type(n) is int and n <= LONGEST_SIDE for n in resize)
    if pair and resize[0] >= height and resize[1] >= width:
        return
    if type(resize) is float and 0 < resize <= 1:
        return
    expected = f"at least {height}x{width} pixels and at most {LONGEST_SIDE}, or a part up to 1.0"
    raise ValueError(f"Preprocess: `resize` is {short(resize)}, expected {expected}")


def _listed(images: Any) -> Sequence[Any]:
    """One image or several, as a list of images."""
    return cast(Sequence[Any], images) if several(images) else [images]


def several(images: Any) -> bool:
    """Whether this is a list of images, or an array of them, and not one image."""
    return isinstance(images, (list, tuple)) or (isinstance(images, np.ndarray) and images.ndim == 4)


def _pixels(image: Any) -> Pixels:
    """The pixels uint8 [h, w, 1 or 3] of an image; TypeError or ValueError, naming what was given, if it is not an image."""
    if isinstance(image, (str, os.PathLike)):
        return cast(Pixels, decode(image))
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8:
        given = image.dtype if isinstance(image, np.ndarray) else type(image).__name__
        raise TypeError(f"preprocess: an image is {given}, expected a file's name or a NumPy array uint8")
    pixels = image[..., None] if image.ndim == 2 else image
    if pixels.ndim != 3 or pixels.shape[2] not in (1, 3) or not pixels.size:
        raise ValueError(f"preprocess: an image has shape {image.shape}, expected [h, w], [h, w, 1] or [h, w, 3]")
    return pixels
