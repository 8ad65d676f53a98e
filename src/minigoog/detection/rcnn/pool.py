"""The pool: windows of all training pictures, and the trunk's maps of their crops."""

import math
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from ...array_types import Array, IntArray, Shape
from ...files import atomic_write
from ...reading import reading
from ..annotations import DetectionSet, Picture
from . import windows
from .detector import Detector, proposed
from .windows import Windows

MOST_KEPT = 1 << 32  # bytes of maps


class Maps(Protocol):
    """Maps [n, h, w, c] of windows, of any float type: an array, or made when they are asked for."""

    def __len__(self) -> int: ...

    def __getitem__(self, chosen: Any, /) -> Array: ...


class Pool(NamedTuple):
    """The windows of all training pictures, the maps of their crops, and of which picture each is."""

    windows: Windows
    maps: Maps
    pictures: IntArray


@dataclass(frozen=True)
class MadeMaps:
    """Maps that the trunk makes when they are asked for. After GoogLeNet's first convolution one of 224 pixels takes 1.6 MB."""

    detector: Detector
    pictures: Sequence[Picture]
    windows: Windows
    of: IntArray

    def __len__(self) -> int:
        return len(self.of)

    def __getitem__(self, chosen: Any, /) -> Array:
        numbers = np.arange(len(self.of))[chosen]
        part, of = self.windows.at(numbers), self.of[numbers]
        crops = np.zeros((len(numbers), *crop_shape(self.detector)), np.float32)
        for picture in np.unique(of).tolist():
            here = of == picture
            crops[here] = self.detector.crops(self.pictures[picture].pixels(), part.boxes[here], part.mirrored[here])
        return np.concatenate(list(self.detector.maps_of(crops)))


def made(detector: Detector, dataset: DetectionSet, folder: Path) -> Generator[str, None, Pool]:
    """The Pool of a data set, which leaves a file for each picture in `folder`; yields what it is doing."""
    folder.mkdir(exist_ok=True)
    began, done, found = time.perf_counter(), 0, []
    shape, kept = map_shape(detector), is_kept(detector, dataset)
    for i, picture in enumerate(dataset.pictures):
        path = folder / f"{i:04d}.npz"
        if not path.exists():
            _write(path, i, picture, detector, kept)
            done += 1
            yield f"windows of {i + 1:,} of {len(dataset):,} pictures, {(time.perf_counter() - began) / done:.1f} s each"
        found.append(_read(path))
    of = np.repeat(np.arange(len(found)), [len(each.labels) for each, _ in found])
    if not len(of):
        raise ValueError("train: the pictures have no windows, expected objects or proposals")
    everything = windows.joined([each for each, _ in found])
    if not kept:
        return Pool(everything, MadeMaps(detector, dataset.pictures, everything, of), of)
    return Pool(everything, np.concatenate([maps.reshape(-1, *shape) for _, maps in found]), of)


def crop_shape(detector: Detector) -> Shape:
    """(height, width, channels) of a crop."""
    return (detector.settings.size, detector.settings.size, 3)


def map_shape(detector: Detector) -> Shape:
    """(height, width, channels) of the trunk's map of a crop."""
    trunk: Any = detector.trunk
    shape: Shape = trunk.output_shapes((1, *crop_shape(detector)))[0][1:]
    return shape


def is_kept(detector: Detector, dataset: DetectionSet) -> bool:
    """Whether maps are kept in files and in memory: if those of all windows that there may be fit into MOST_KEPT."""
    chosen = detector.settings
    n = sum((1 + chosen.positives) * len(each.boxes) for each in dataset.objects) + chosen.negatives * len(dataset)
    return n * math.prod(map_shape(detector)) * np.dtype(np.float16).itemsize <= MOST_KEPT


def _write(path: Path, number: int, picture: Picture, detector: Detector, kept: bool) -> None:
    image, chosen = picture.pixels(), detector.settings
    generator = np.random.default_rng((chosen.seed, number))
    named = windows.labelled(proposed(image, chosen), picture.objects, len(detector.classes))
    drawn = windows.drawn(named, chosen.positives, chosen.negatives, generator)
    maps = [np.zeros(0, np.float32)]
    if kept and len(drawn.labels):
        maps = list(detector.maps(image, drawn.boxes, drawn.mirrored))
    with atomic_write(path) as file:
        np.savez(file, maps=np.clip(np.concatenate(maps), -65504, 65504).astype(np.float16), **drawn._asdict())


def _read(path: Path) -> tuple[Windows, Array]:
    with reading(path, "not windows of a run"), np.load(path, allow_pickle=False) as file:
        return Windows(*(file[name] for name in Windows._fields)), file["maps"]
