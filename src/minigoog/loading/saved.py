"""Models that this package has saved: runs of minigoog.train, and files of `formats.saved_model`."""

import os
from pathlib import Path
from typing import Any

import numpy as np

from .. import models, rng
from ..array_types import Array
from ..data.preprocess import Preprocess, from_facts
from ..formats import saved_model
from ..nn import Module
from ..reading import DamagedFile, json_value, reading
from ..text import listed, printable, shortened
from .trained import TrainedModel, trained

SLACK = 1 << 20  # weights that a network may have more than its file
GRAPH = "graph"  # `Info.model` of an imported network


def load_saved(path: Path, weights: dict[str, Array], info: saved_model.Info) -> TrainedModel:
    """The model of these weights and facts; DamagedFile, naming the file, if they do not fit together."""
    preprocess = _preprocess(path, info)
    for name, array in weights.items():
        with np.errstate(over="ignore"):  # float64 that float32 cannot hold becomes infinite
            weights[name] = array.astype(np.float32, copy=False) if array.dtype.kind == "f" else array
        if not np.isfinite(weights[name]).all():
            raise DamagedFile(f"{path}: `{shortened(printable(name), 80)}` has values that are not finite")
    model = _built(path, weights, info)
    return trained(model, classes=info.classes, preprocess=preprocess, info=info, path=path)


def refuse_ensemble(run_or_file: str | os.PathLike[str]) -> None:
    """Raises ValueError, naming its members, for the folder of an ensemble."""
    members = saved_model.members(run_or_file)
    if members != [Path(run_or_file)]:
        names = listed((f"'{member}'" for member in members), longest=200)
        raise ValueError(f"load: `path` is '{run_or_file}', the folder of an ensemble, expected one of its models: {names}")


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
    """The Preprocess that a saved model describes; DamagedFile, naming the file, if it cannot be.

    Files of earlier versions have only the shorter side of resized images, or nothing."""
    with reading(path, "its metadata is damaged"):
        settings: dict[str, Any] = json_value(info.more.get("preprocess", "{}"), dict)
        if not settings:
            text = info.more.get("resize", str(info.input_size[0]))
            settings = {"resize": int(text) if text.isdecimal() and len(text) < 9 else 0}
        return from_facts(settings | {"input_size": info.input_size, "mean": info.mean, "std": info.std})


def described(info: saved_model.Info, preprocess: Preprocess) -> saved_model.Info:
    """The Info of a model whose pixels are prepared like this."""
    more = info.more | {"preprocess": preprocess.settings()}
    return info._replace(input_size=preprocess.input_size, mean=preprocess.mean, std=preprocess.std, more=more)
