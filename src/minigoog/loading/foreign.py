"""Networks from files of other systems: .onnx, .caffemodel, and state dicts in .pth and safetensors files."""

import json
import math
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from .. import models, rng
from ..array_types import Array
from ..data import class_names, pretrained
from ..data.families import FAMILIES, changed, likely
from ..data.families import family as family_of
from ..data.preprocess import Preprocess, from_facts
from ..formats import caffe, pth
from ..formats.graph import FreeShape, Graph
from ..formats.graph_json import described
from ..importing import ImportedNetwork, network
from ..importing.state_dicts import recognise
from ..nn import Module
from ..reading import json_value, reading
from ..text import listed, printable, short

MOST_INPUTS = 1 << 26  # values of an image
SLACK = 1 << 20  # weights that a network may have more than its file
GRAPH = "graph"  # `Info.model` of a network that was imported as a graph


class Found(NamedTuple):
    """A network, and what its file says about it.

    model, arguments  as in `formats.saved_model.Info`
    size              (height, width, channels) of its input; None for an axis of any length
    preprocess        how its photographs are prepared, if the file says it
    family            else, one of FAMILIES; known: whether that is sure
    classes           the number of classes, 0 if it is no classifier
    names             of the classes, as far as the file has them
    facts             where it comes from, strings by name"""

    network: Module
    model: str
    arguments: dict[str, Any]
    size: FreeShape
    preprocess: Preprocess | None
    family: str
    known: bool
    classes: int
    names: tuple[str, ...]
    facts: dict[str, str]


def load_graph(path: Path, kind: str, prototxt: str | os.PathLike[str] | None) -> Found:
    """The network in an .onnx or .caffemodel file; ValueError, naming the file, if it is damaged or takes no images."""
    graph = _graph(path, kind, prototxt)
    made = network(graph)
    size = made.input_size
    if len(size) != 3 or size[2] not in (1, 3, None):
        takes = "x".join("?" if n is None else str(n) for n in size)
        raise ValueError(f"{printable(path)}: takes values {takes}, expected images of 1 or 3 channels; minigoog.importing opens it")
    if math.prod(n or 1 for n in size) > MOST_INPUTS:
        raise ValueError(f"{printable(path)}: takes images of {size[0]}x{size[1]} pixels, expected at most {MOST_INPUTS:,} values")
    family, known = _family(path, kind, graph.metadata)
    facts = {"format": kind} | {name: graph.metadata[name] for name in ("producer",) if name in graph.metadata}
    sized = _sized(size, family)
    said = _said_by_caffe(graph.metadata, sized) if kind == "caffe" else _said_preprocess(graph.metadata)
    n = n_classes(made, sized)
    description = described(made.graph)[0]
    return Found(made, GRAPH, {GRAPH: description}, size, said, family, known, n, _said_classes(path, graph.metadata, n), facts)


def n_classes(made: ImportedNetwork, size: tuple[int, int, int]) -> int:
    """The length of the only vector that a network gives for an image; 0 if it gives something else."""
    shapes = made.output_shapes((1, *size))
    vector = len(shapes) == 1 and len(shapes[0]) in (2, 4) and shapes[0][1:-1] in ((), (1, 1))
    return shapes[0][-1] if vector else 0


def load_state_dict(path: Path, state: Mapping[str, Array], kind: str) -> Found:
    """The network of minigoog.models that a state dict belongs to; DamagedFile, naming the file, if there is none."""
    with reading(path, "not the weights of a network that is known"):
        model, arguments, weights, family = recognise(state)
        with rng.zeros(sum(array.size for array in weights.values()) + SLACK):
            made = models.build(model, **arguments)
        made.load_state_dict(weights)
    size, n = models.INPUT_SIZES[model], int(arguments.get("num_classes", 0))
    return Found(made, model, arguments, size, None, family or "torchvision", family is not None, n, (), {"format": kind})


def load_pth(path: Path) -> Found:
    """The network of the state dict in a .pth file."""
    return load_state_dict(path, pth.load(path), "pth")


def _graph(path: Path, kind: str, prototxt: str | os.PathLike[str] | None) -> Graph:
    if kind == "caffe":
        return caffe.read(path, prototxt if prototxt is not None else _prototxt_beside(path))
    from ..formats import onnx

    return onnx.load(path)


def _prototxt_beside(path: Path) -> Path | None:
    """NAME.prototxt or deploy.prototxt in the folder of a .caffemodel, if there is one."""
    return next((file for file in (path.with_suffix(".prototxt"), path.with_name("deploy.prototxt")) if file.exists()), None)


def _family(path: Path, kind: str, facts: Mapping[str, str]) -> tuple[str, bool]:
    public = pretrained.known(path)
    return (public.family, True) if public else likely(kind, facts)


def _sized(size: FreeShape, family: str) -> tuple[int, int, int]:
    """The size of an input, free axes as long as the family's."""
    usual = FAMILIES[family].size
    return size[0] or usual, size[1] or usual, size[2] or 3


def _said_preprocess(metadata: Mapping[str, str]) -> Preprocess | None:
    """The Preprocess in the metadata of a file that this package wrote."""
    if "preprocess" not in metadata:
        return None
    with suppress(ValueError):  # another system's entry of this name
        return from_facts(json_value(metadata["preprocess"], dict))
    return None


def _said_by_caffe(metadata: Mapping[str, str], size: tuple[int, int, int]) -> Preprocess | None:
    """The Preprocess of a Caffe network whose file has the data layers of its training; None for one without."""
    if not {"mean", "scale"} & metadata.keys():
        return None
    with suppress(ValueError, ArithmeticError):
        mean, scale = json_value(metadata.get("mean", "[0.0]"), list), float(json.loads(metadata.get("scale", "1.0")))
        return changed(family_of("caffe", size), mean=tuple(map(float, mean)), std=(1 / scale,))
    return None


def _said_classes(path: Path, metadata: Mapping[str, str], n: int) -> tuple[str, ...]:
    """The names of `n` classes in the metadata of a file, or beside it; () if there are none."""
    with suppress(ValueError, RecursionError):
        names = json.loads(metadata.get("classes", "null"))
        if isinstance(names, list) and len(names) == n and all(isinstance(name, str) for name in names):
            return tuple(names)
    return class_names.beside(path, n)


def named(path: Path, given: Any, n: int, found: tuple[str, ...]) -> tuple[str, ...]:
    """The names of `n` classes: those given (a file or a list), else those found, else numbers."""
    if given is None:
        return found or tuple(map(str, range(n)))
    names = class_names.read(given) if isinstance(given, (str, os.PathLike)) else _texts(given)
    if n and len(names) != n:
        source = printable(given) if isinstance(given, (str, os.PathLike)) else "`classes`"
        raise ValueError(f"{source}: has {len(names):,} names ({listed(names, 3)}), but {printable(path)} has {n:,} classes")
    return names


def _texts(names: Any) -> tuple[str, ...]:
    try:
        return tuple(map(str, names))
    except TypeError:
        raise TypeError(f"load: `classes` is {short(names)}, expected the names of classes or a file of them") from None
