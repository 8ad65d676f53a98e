"""A trained model in one safetensors file: its weights, and everything needed to use them on new images."""

import json
import math
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..reading import DamagedFile, json_value, reading
from ..text import printable, short, shortened
from . import safetensors

NAMES = ("averaged.safetensors", "last.safetensors")  # the files of weights in a run's folder, the preferred one first
MASK = "mask:"  # of the names of the masks of pruned weights; no name of an attribute has a colon
LONGEST_SIDE = 1 << 14  # pixels of an image: 800 MB in memory
KINDS = {"model": str, "arguments": dict, "classes": list, "input_size": list, "mean": list, "std": list, "more": dict}


class Info(NamedTuple):
    """What is saved with the weights of a model.

    model, arguments   `minigoog.models.build(model, **arguments)` builds the network; "graph": an imported one, as `graph_json` says
    classes            the name of each class
    input_size         (height, width, channels) of an image
    mean, std          of each channel, from 0 to 255: the network sees (image - mean) / std
    more               facts about the training, strings by name"""

    model: str
    arguments: dict[str, Any]
    classes: tuple[str, ...]
    input_size: tuple[int, int, int]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    more: dict[str, str]

    def as_metadata(self) -> dict[str, str]:
        """The fields as JSON, as a safetensors file stores them."""
        return {name: json.dumps(value) for name, value in self._asdict().items()}


def save(path: str | Path, weights: Mapping[str, NDArray[Any]], info: Info) -> None:
    """Writes `weights` (name -> array) and their `info` to `path`, atomically."""
    safetensors.save(path, weights, info.as_metadata())


def load(path: str | Path) -> tuple[safetensors.Arrays, Info]:
    """(weights, Info) of a file that `save` wrote; DamagedFile naming the file for any other."""
    weights, metadata = safetensors.load(path)
    return weights, info_of(path, metadata)


def packed(masks: Mapping[str, NDArray[np.bool_]]) -> dict[str, NDArray[np.uint8]]:
    """The masks of pruned weights, by the names of these, as the arrays that are saved with the weights: a bit for each weight."""
    return {MASK + name: np.packbits(mask) for name, mask in masks.items()}


def unpacked(arrays: Mapping[str, NDArray[Any]], shapes: Mapping[str, tuple[int, ...]]) -> dict[str, NDArray[np.bool_]]:
    """The masks that are among the arrays of a saved model, for weights of these shapes; ValueError if one does not fit its weight."""
    masks = {}
    for name, array in arrays.items():
        weight = name.removeprefix(MASK)
        if weight == name:
            continue
        size = math.prod(shapes.get(weight, ()))
        if weight not in shapes or array.dtype != np.uint8 or array.shape != (-(-size // 8),):
            found = f"`{shortened(printable(name), 80)}` is {array.dtype} {array.shape}"
            raise ValueError(f"{found}, expected a bit for each value of a weight")
        masks[weight] = np.unpackbits(array, count=size).astype(bool).reshape(shapes[weight])
    return masks


def is_saved(metadata: Mapping[str, str]) -> bool:
    """Whether this is the metadata of a saved model, perhaps a damaged one, and not of a safetensors file of another system."""
    return "model" in metadata or "input_size" in metadata


def info_of(path: str | Path, metadata: Mapping[str, str]) -> Info:
    """The Info in the metadata of a saved model; DamagedFile naming the file if it is none."""
    missing = [name for name in Info._fields if name not in metadata]
    if missing:
        raise DamagedFile(f"{path}: not a saved model of minigoog: its metadata has no `{missing[0]}`")
    facts = {}
    for name, kind in KINDS.items():
        with reading(path, f"its metadata is damaged: `{name}`"):
            facts[name] = json_value(metadata[name], kind)
    with reading(path, "its metadata is damaged"):
        return _info(facts)


def members(run_or_file: str | os.PathLike[str]) -> list[Path]:
    """The runs in the folder of an ensemble (model-1, model-2, ...), in order; for anything else, only itself."""
    path = Path(run_or_file)
    found = sorted(path.glob("model-*/"), key=lambda folder: (len(folder.name), folder.name)) if path.is_dir() else []
    return found or [path]


def find(run_or_file: str | os.PathLike[str]) -> Path:
    """The file to load: in a run's folder the averaged weights if there are any, else the last ones; for a file, itself."""
    path = Path(run_or_file)
    if not path.is_dir():
        if not path.exists():
            raise FileNotFoundError(f"{path}: no such run folder or file of weights")
        return path
    for name in NAMES:
        if (path / name).exists():
            return path / name
    raise FileNotFoundError(f"{path}: has neither {' nor '.join(NAMES)}, expected the folder of a run")


def _info(facts: dict[str, Any]) -> Info:
    """The facts, each of its kind in KINDS, as an Info; ValueError if they hold anything odd."""
    if not all(isinstance(text, str) for text in (*facts["classes"], *facts["more"].values())):
        raise ValueError("`classes` or `more` holds something other than strings")
    size, mean, std = facts["input_size"], facts["mean"], facts["std"]
    if len(size) != 3 or not all(type(n) is int and 0 < n <= LONGEST_SIDE for n in size) or size[2] not in (1, 3):
        raise ValueError(f"`input_size` is {short(size)}, expected [height, width, 1 or 3] of at most {LONGEST_SIDE} pixels")
    if not all(map(_is_finite, mean + std)) or len(mean) != size[2] or len(std) != size[2] or min(std) <= 0:
        expected = f"a finite number for each of {size[2]} channels, std above 0"
        raise ValueError(f"`mean` is {short(mean)} and `std` {short(std)}, expected {expected}")
    return Info(**facts | {name: tuple(facts[name]) for name in ("classes", "input_size", "mean", "std")})


def _is_finite(x: Any) -> bool:
    """Whether a value from JSON is a finite number that a float can hold."""
    return (type(x) is float and math.isfinite(x)) or (type(x) is int and abs(x) <= sys.float_info.max)
