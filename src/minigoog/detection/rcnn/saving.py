"""A detector as one safetensors file: trunk and tails as graphs with their weights, the heads, and the settings."""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...array_types import Array
from ...data.preprocess import from_facts as preprocess_of
from ...formats import safetensors
from ...formats.graph_json import PREFIX, described, rebuilt
from ...importing import ImportedNetwork, network
from ...reading import json_value, reading
from ...text import short
from ..multibox import MultiBoxHead
from . import settings
from .detector import Detector, Member
from .heads import Heads
from .regression import Regression
from .svm import Linear

KIND = "minigoog detector"
SLACK = 1 << 20  # values of a network beyond those that the file has
LONGEST = 1 << 16  # cells along a side of a map, and channels of one


def save(detector: Detector, path: str | os.PathLike[str]) -> None:
    """Writes a detector as one file that `load` reads."""
    arrays: dict[str, NDArray[Any]] = {}
    graphs = {name: _graph(name, part, arrays) for name, part in _parts(detector)}
    for i, member in enumerate(detector.members, start=1):
        arrays |= {f"heads-{i}/{name}": array for name, array in _arrays(member.heads)}
    if detector.multibox is not None:
        arrays |= {f"multibox/{name}": array for name, array in detector.multibox.state_dict().items()}
    facts = {"classes": detector.classes, "preprocess": asdict(detector.preprocess), "settings": settings.facts_of(detector.settings),
             "graphs": graphs, "scales": [member.heads.scale for member in detector.members],
             "multibox": list(detector.multibox.shape) if detector.multibox else []}  # fmt: skip
    safetensors.save(Path(path), arrays, {"kind": KIND} | {name: json.dumps(value) for name, value in facts.items()})


def load(path: str | os.PathLike[str]) -> Detector:
    """The detector in a file; DamagedFile, naming it, if it has none."""
    arrays, metadata = safetensors.load(Path(path))
    with reading(path, "not a detector of minigoog"):
        if metadata.get("kind") != KIND:
            raise ValueError("its metadata do not say so")
        facts = {name: json_value(metadata[name], kind) for name, kind in KINDS.items()}
        classes = facts["classes"]
        if not classes or not all(isinstance(name, str) for name in classes):
            raise ValueError(f"its classes are {short(classes)}, expected names")
        if not all(np.isfinite(array).all() for array in arrays.values() if array.dtype.kind == "f"):
            raise ValueError("it has values that are not finite")
        parts = {name: _network(name, graph, arrays) for name, graph in facts["graphs"].items()}
        members = [Member(parts[f"tail-{i}"], _heads(i, arrays, scale, len(classes))) for i, scale in enumerate(facts["scales"], start=1)]
        if not members:
            raise ValueError("it has no members")
        chosen, multibox = settings.from_facts(facts["settings"]), _multibox(facts["multibox"], arrays)
        preprocess = preprocess_of(facts["preprocess"])
        return Detector(tuple(classes), preprocess, chosen, parts["trunk"], tuple(members), multibox, parts.get("eye"))


def save_heads(heads: Heads, path: Path) -> None:
    """Writes the heads of a member as one file that `load_heads` reads."""
    safetensors.save(path, {f"heads-1/{name}": array for name, array in _arrays(heads)}, {"scale": json.dumps(heads.scale)})


def load_heads(path: Path, classes: int) -> Heads:
    """The heads in a file; DamagedFile, naming it, if it has none for so many classes."""
    arrays, metadata = safetensors.load(path)
    with reading(path, "not the heads of a member"):
        return _heads(1, arrays, json.loads(metadata["scale"]), classes)


KINDS: dict[str, type] = {"classes": list, "preprocess": dict, "settings": dict, "graphs": dict, "scales": list, "multibox": list}


def _parts(detector: Detector) -> Iterator[tuple[str, Any]]:
    yield "trunk", detector.trunk
    if detector.eye is not None:
        yield "eye", detector.eye
    for i, member in enumerate(detector.members, start=1):
        yield f"tail-{i}", member.tail


def _graph(name: str, part: ImportedNetwork, arrays: dict[str, NDArray[Any]]) -> dict[str, Any]:
    """The description of a network; its arrays go to `arrays`."""
    description, constants = described(part.graph)
    arrays |= {f"{name}/{key}": array for key, array in {**constants, **part.state_dict()}.items()}
    return description


def _network(name: str, description: Any, arrays: Mapping[str, NDArray[Any]]) -> ImportedNetwork:
    own = {key.removeprefix(f"{name}/"): array for key, array in arrays.items() if key.startswith(f"{name}/")}
    made = network(rebuilt(description, own, sum(array.size for array in own.values()) + SLACK))
    made.load_state_dict({key: array for key, array in own.items() if not key.startswith(PREFIX)})
    return made


def _multibox(shape: list[Any], arrays: Mapping[str, NDArray[Any]]) -> MultiBoxHead | None:
    own = {key.removeprefix("multibox/"): array for key, array in arrays.items() if key.startswith("multibox/")}
    if not own:
        return None
    if not all(type(n) is int and 0 < n < LONGEST for n in shape) or len(shape) != 3:
        raise ValueError(f"its map for MultiBox is {short(shape)}, expected a height, a width and channels")
    height, width, channels = shape
    head = MultiBoxHead((height, width, channels), np.asarray(own["sides"], np.float32), narrow=own["narrow.weight"].shape[3])
    head.load_state_dict(own)
    head.eval()
    return head


def _arrays(heads: Heads) -> Iterator[tuple[str, Array]]:
    layers: dict[str, Linear | Regression] = {f"boxes-{i}": each for i, each in enumerate(heads.boxes)}
    for name, each in (layers | {"softmax": heads.softmax} | ({"svm": heads.svm} if heads.svm else {})).items():
        yield f"{name}.weight", each.weight
        yield f"{name}.bias", each.bias


def _heads(i: int, arrays: Mapping[str, NDArray[Any]], scale: Any, classes: int) -> Heads:
    def of(name: str) -> tuple[Array, Array]:
        return arrays[f"heads-{i}/{name}.weight"], arrays[f"heads-{i}/{name}.bias"]

    softmax = Linear(*of("softmax"))
    if softmax.weight.ndim != 2 or softmax.weight.shape[1] != classes + 1 or type(scale) is not float:
        raise ValueError(f"its head has weights of shape {softmax.weight.shape}, expected [features, {classes + 1}]")
    svm = Linear(*of("svm")) if f"heads-{i}/svm.weight" in arrays else None
    moving = f"heads-{i}/boxes-0.weight" in arrays
    boxes = tuple(Regression(*of(f"boxes-{j}")) for j in range(classes)) if moving else ()
    if odd := [len(each.weight) for each in boxes if len(each.weight) != len(softmax.weight)]:
        raise ValueError(f"its head reads {len(softmax.weight):,} numbers and its box regression {odd[0]:,}, expected as many")
    return Heads(softmax, svm, boxes, scale)
