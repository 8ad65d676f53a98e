"""Trained models from their files, ready to use."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, cast

import numpy as np

from . import models, rng
from .array_types import Array, Shape
from .data.images import decode
from .data.transforms import GREY, CenterCrop, Resize
from .formats import saved_model
from .nn import Module
from .reading import DamagedFile, reading
from .text import listed, printable, short, shortened

Pixels: TypeAlias = np.ndarray[Any, Any]  # an image [h, w, 1 or 3], from 0 to 255
Image: TypeAlias = str | os.PathLike[str] | Pixels  # a file, or an array uint8 [h, w] or [h, w, 1 or 3]

SLACK = 1 << 20  # weights that a network may have more than its file


@dataclass(frozen=True)
class Preprocess:
    """From images to the input of a network, as for test images in training: `preprocess("cat.jpg")` is float32 [1, h, w, c].

    The shorter side of an image becomes `resize` pixels; it is cropped at the centre to `input_size` (height, width, channels), made
    grey or coloured, and normalised: (image - mean) / std, from 0 to 255. Takes an image (a file or an array uint8 [h, w] or
    [h, w, 1 or 3]) or several: a list of images, or an array [n, h, w, c]. Anything else is a TypeError or ValueError that names what
    was given."""

    input_size: Shape
    resize: int
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __call__(self, images: Image | Sequence[Image]) -> Array:
        found = [self.normalized(self.middle(image)) for image in _listed(images)]
        return np.stack(found) if found else np.zeros((0, *self.input_size), np.float32)

    def middle(self, image: Any) -> Pixels:
        """The middle of an image in the network's size and colours, not yet normalised."""
        pixels = _pixels(image)
        height, _, channels = self.input_size
        pixels = CenterCrop(height)(Resize(self.resize)(pixels, None), None)
        if pixels.shape[2] != channels:
            pixels = (pixels @ GREY)[..., None] if channels == 1 else np.repeat(pixels, channels, axis=2)
        return cast(Pixels, pixels)

    def normalized(self, pixels: Pixels) -> Array:
        """(pixels - mean) / std, as float32."""
        return cast(Array, (pixels - np.array(self.mean, np.float32)) / np.array(self.std, np.float32))


class TrainedModel(Module):
    """What `load` returns: the network itself, with the attributes below. (A type for editors; no object has this class.)

    classes      the name of each class
    preprocess   a Preprocess: images to the network's input
    info         what was saved with the weights (`formats.saved_model.Info`)
    path         the file"""

    classes: tuple[str, ...]
    preprocess: Preprocess
    info: saved_model.Info
    path: Path


def load(run_or_file: str | os.PathLike[str]) -> TrainedModel:
    """The trained model in a run's folder or a safetensors file, in evaluation mode: a Module with `classes`, `preprocess` and `info`.

        model = minigoog.load("runs/tiny-digits-seed0")
        logits = model(minigoog.Tensor(model.preprocess("seven.png")))

    From a run's folder it loads the averaged weights if there are any, else those of the last epoch. A network with several outputs
    returns them as a tuple. FileNotFoundError if there is no such file. ValueError, naming the file, if it is damaged, is not a saved
    model, or holds weights that are not finite or do not fit the network; and, naming its members, for the folder of an ensemble."""
    if not isinstance(run_or_file, (str, os.PathLike)):
        raise TypeError(f"load: `run_or_file` is {type(run_or_file).__name__}, expected a path")
    _refuse_ensemble(run_or_file)
    path = saved_model.find(run_or_file)
    weights, info = saved_model.load(path)
    preprocess = _preprocess(path, info)
    for name, array in weights.items():
        with np.errstate(over="ignore"):  # float64 that float32 cannot hold becomes infinite
            weights[name] = array.astype(np.float32, copy=False) if array.dtype.kind == "f" else array
        if not np.isfinite(weights[name]).all():
            raise DamagedFile(f"{path}: `{shortened(printable(name), 80)}` has values that are not finite")
    model = cast(TrainedModel, _built(path, weights, info).eval())
    model.classes, model.preprocess, model.info, model.path = info.classes, preprocess, info, path
    return model


def _refuse_ensemble(run_or_file: str | os.PathLike[str]) -> None:
    """Raises ValueError, naming its members, for the folder of an ensemble."""
    members = saved_model.members(run_or_file)
    if members != [Path(run_or_file)]:
        names = listed((f"'{member}'" for member in members), longest=200)
        raise ValueError(f"load: `run_or_file` is '{run_or_file}', the folder of an ensemble, expected one of its models: {names}")


def _built(path: Path, weights: dict[str, Array], info: saved_model.Info) -> Module:
    """The network of these weights; DamagedFile, naming the file, if they do not fit it."""
    with reading(path, "its weights do not fit the network that it names"):
        # a file of a few bytes may name a network of gigabytes; a slightly larger one gets a better message below
        with rng.zeros(sum(array.size for array in weights.values()) + SLACK):
            model = models.build(info.model, **info.arguments)
        model.load_state_dict(weights)
        if info.arguments.get("num_classes", len(info.classes)) != len(info.classes):
            raise ValueError(f"{info.arguments['num_classes']} classes, of which {len(info.classes)} have names")
    return model


def _preprocess(path: Path, info: saved_model.Info) -> Preprocess:
    """The Preprocess that a saved model describes; DamagedFile, naming the file, if it cannot be."""
    height, width, _ = info.input_size
    text = info.more.get("resize", str(height))
    resize = int(text) if text.isdecimal() and len(text) < 9 else 0
    if height != width or not height <= resize <= saved_model.LONGEST_SIDE:
        raise DamagedFile(f"{path}: its metadata is damaged (images of {height}x{width} pixels out of images of {short(text)})")
    return Preprocess(info.input_size, resize, info.mean, info.std)


def _listed(images: Any) -> Sequence[Any]:
    """One image or several, as a list of images."""
    several = isinstance(images, (list, tuple)) or (isinstance(images, np.ndarray) and images.ndim == 4)
    return images if several else [images]


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
