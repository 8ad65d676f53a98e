"""Models that this package has saved: runs of minigoog.train, and files of `formats.saved_model`."""

import os
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any

import numpy as np

from .. import models, rng
from ..array_types import Array, BoolArray
from ..data.preprocess import Preprocess, from_facts
from ..formats import saved_model
from ..formats.graph_json import PREFIX, rebuilt
from ..importing import ImportedNetwork, network
from ..nn import Module
from ..nn.stored import StoredParameter
from ..reading import DamagedFile, json_value, reading
from ..text import listed, printable, shortened
from .foreign import GRAPH, SLACK, n_classes
from .trained import TrainedModel, trained


def load_saved(path: Path, weights: MutableMapping[str, Array], info: saved_model.Info) -> TrainedModel:
    """The model of these weights and facts; DamagedFile, naming the file, if they do not fit together."""
    preprocess = preprocess_of(path, info)
    for name, array in weights.items():
        with np.errstate(over="ignore"):  # float64 that float32 cannot hold becomes infinite
            weights[name] = array.astype(np.float32, copy=False) if array.dtype.kind == "f" else array
    check_finite(path, {name: array for name, array in weights.items() if not name.startswith(PREFIX)})
    model = _built(path, weights, info)
    return trained(model, classes=info.classes, preprocess=preprocess, info=info, path=path)


def check_finite(path: Path, weights: Mapping[str, Array]) -> None:
    """Raises DamagedFile, naming the file and the array, if there are values that are not finite."""
    for name, array in weights.items():
        if not np.isfinite(array).all():
            raise DamagedFile(f"{path}: `{shortened(printable(name), 80)}` has values that are not finite")


def check_network(path: Path, network: Module) -> None:
    """Raises DamagedFile, naming the file and the array, if a parameter or buffer has values that are not finite."""
    check_finite(path, {name: buffer.data for name, buffer in network.named_buffers()})
    for name, parameter in network.named_parameters():
        for part in parameter.parts() if isinstance(parameter, StoredParameter) else [parameter.data]:
            check_finite(path, {name: part})


def refuse_ensemble(run_or_file: str | os.PathLike[str]) -> None:
    """Raises ValueError, naming its members, for the folder of an ensemble."""
    members = saved_model.members(run_or_file)
    if members != [Path(run_or_file)]:
        names = listed((f"'{member}'" for member in members), longest=200)
        raise ValueError(f"load: `path` is '{run_or_file}', the folder of an ensemble, expected one of its models: {names}")


def build(info: saved_model.Info, arrays: Mapping[str, Array], most: int) -> Module:
    """The network that an Info names, its weights zeros, at most `most` values; arrays: of its graph, if it has one (`graph_json`)."""
    if info.model == GRAPH:
        return network(rebuilt(info.arguments.get(GRAPH), arrays, most))
    with rng.zeros(most):
        return models.build(info.model, **info.arguments)


def set_masks(model: Module, masks: Mapping[str, BoolArray]) -> None:
    """Gives parameters these masks, by name."""
    parameters = dict(model.named_parameters())
    for name, mask in masks.items():
        parameters[name].mask = mask


def _built(path: Path, weights: Mapping[str, Array], info: saved_model.Info) -> Module:
    """The network of these weights; DamagedFile, naming the file, if they do not fit it."""
    with reading(path, "its weights do not fit the network that it names"):
        # a file of a few bytes may name a network of gigabytes; a slightly larger one gets a better message below
        model = build(info, weights, sum(array.size for array in weights.values()) + SLACK)
        masks = saved_model.unpacked(weights, {name: parameter.shape for name, parameter in model.named_parameters()})
        model.load_state_dict({name: array for name, array in weights.items() if not name.startswith((PREFIX, saved_model.MASK))})
        set_masks(model, masks)
        n = info.arguments.get("num_classes", len(info.classes))
        if isinstance(model, ImportedNetwork) and info.classes:
            n = n_classes(model, info.input_size) or len(info.classes)  # of several outputs, one may be for these
        if n != len(info.classes):
            raise ValueError(f"{n} classes, of which {len(info.classes)} have names")
    return model


def preprocess_of(path: Path, info: saved_model.Info) -> Preprocess:
    """The Preprocess that a saved model describes; DamagedFile, naming the file, if it cannot be.

    Files of earlier versions have only the shorter side of resized images, or nothing."""
    with reading(path, "its metadata is damaged"):
        settings: dict[str, Any] = json_value(info.more.get("preprocess", "{}"), dict)
        if not settings:
            text = info.more.get("resize", str(info.input_size[0]))
            settings = {"resize": int(text) if text.isdecimal() and len(text) < 9 else 0}
        return from_facts(settings | {"input_size": info.input_size, "mean": info.mean, "std": info.std})
