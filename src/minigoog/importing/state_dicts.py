"""Which network a state dict of another system belongs to, and its weights in this package's names and layout."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .. import models, rng
from ..array_types import Array
from ..formats.torchvision import googlenet_from_torchvision
from ..text import listed
from .layouts import NORMS, converted

TORCHVISION = ("conv1.conv.weight", "inception3a.branch1.conv.weight", "fc.bias")  # names that its GoogLeNet has, and no network of ours
KNOWN = "torchvision's GoogLeNet, or a network of minigoog.models by its names"
PREFIXES = ("model.", "net.", "network.", "module.")  # of all names, where the network is a part of another module
SLACK = 1 << 20  # weights that a network may have more than its file


class Own(NamedTuple):
    """How to recognise a network of ours: a layer that only it has, its first and its last layer."""

    layer: str
    first: str
    last: str


OWN = {  # tried in this order: the names of the later ones occur in the earlier ones too
    "googlenet": Own("inception4e.branch1x1", "conv1", "classifier"),
    "quick": Own("inception4.branch1x1", "stem", "classifier"),
    "small": Own("inception3c.branch1x1", "conv1.wide", "classifier"),
    "tiny": Own("inception2a.branch1x1", "conv1", "classifier"),
    "nin": Own("block3.cccp2", "block1.conv", "block3.cccp2"),
    "alexnet": Own("fc8", "conv1", "fc8"),
    "lenet5": Own("s2", "c1", "f6"),
}


class Recognised(NamedTuple):
    """`models.build(model, **arguments)` builds the network, `load_state_dict(weights)` fills it.

    preprocess   the family (`data.families`) that says how it expects photographs, or None if the state dict does not tell"""

    model: str
    arguments: dict[str, Any]
    weights: dict[str, Array]
    preprocess: str | None


def recognise(state: Mapping[str, NDArray[Any]]) -> Recognised:
    """The network that a state dict belongs to. ValueError that says which are recognised if it is none of them.

    torchvision's GoogLeNet is taken as one that changes its input (`transform_input`), as all with pretrained weights do: the family
    is "torchvision-googlenet". For one that was trained without, it is "torchvision"."""
    names = _names(state)
    if all(name in names for name in TORCHVISION):
        return _torchvision(names)
    for model, own in OWN.items():
        if any(name.startswith(f"{own.layer}.") for name in names):
            return _own(model, own, names)
    found = listed((f"`{name}`" for name in state), 3)
    raise ValueError(f"a state dict with {found or 'no arrays'}, expected one of {KNOWN}; other networks are read as .onnx files")


def _names(state: Mapping[str, NDArray[Any]]) -> Mapping[str, NDArray[Any]]:
    """The state dict without a prefix that all its names have."""
    for prefix in PREFIXES:
        if state and all(name.startswith(prefix) for name in state):
            return {name.removeprefix(prefix): state[name] for name in state}
    return state


def _torchvision(state: Mapping[str, NDArray[Any]]) -> Recognised:
    weights = googlenet_from_torchvision(state, transform_input=True).weights
    arguments = {"num_classes": weights["classifier.bias"].size, "variant": "torchvision", "aux_heads": "aux_4a.conv.bias" in weights}
    return Recognised("googlenet", arguments, dict(weights), "torchvision-googlenet")


def _own(model: str, own: Own, state: Mapping[str, NDArray[Any]]) -> Recognised:
    arguments = _arguments(model, own, state)
    # a small file may name a network of gigabytes
    with rng.zeros(sum(np.size(state[name]) for name in state) + SLACK):
        network = models.build(model, **arguments)
    return Recognised(model, arguments, converted(network, state), None)


def _arguments(model: str, own: Own, state: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
    """What the shapes in a state dict say about the network."""
    if model == "lenet5":
        return {}
    arguments: dict[str, Any] = {"num_classes": _classes(own, state), "in_channels": _channels(own.first, state)[0]}
    if model in ("googlenet", "small", "tiny"):
        arguments["norm"] = any(f".{norm}.running_mean" in name for name in state for norm in NORMS)
    if model == "small":
        arguments["width"] = _channels(own.first, state)[1]
    if model == "quick":
        arguments["width"] = _shape(state, "conv2.norm.bias")[0]
    if model == "googlenet":
        size = _shape(state, f"inception3a.branch5x5.conv{'.conv' * arguments['norm']}.weight")
        arguments["variant"] = "torchvision" if 3 in (size[0], size[3]) else "paper"
        arguments["aux_heads"] = any(name.startswith("aux_") for name in state)
    if model == "alexnet":
        arguments["groups"] = 1 if 96 in _shape(state, "conv2.weight") else 2
    return arguments


def _classes(own: Own, state: Mapping[str, NDArray[Any]]) -> int:
    """The outputs of the last layer; one without a bias reads all that the module before it gives."""
    if own.layer != OWN["quick"].layer:
        return _shape(state, f"{own.last}.bias")[0]
    features = sum(_shape(state, f"inception4.{branch}.norm.bias")[0] for branch in ("branch1x1", "branch3x3"))
    return int(np.size(state.get(f"{own.last}.weight", ()))) // features


def _channels(first: str, state: Mapping[str, NDArray[Any]]) -> tuple[int, int]:
    """(in, out) of the first convolution: a square window is at the end of OIHW, at the beginning of HWIO."""
    shape = _shape(state, f"{first}.weight" if f"{first}.weight" in state else f"{first}.conv.weight")
    return (shape[1], shape[0]) if shape[2] == shape[3] else (shape[2], shape[3])


def _shape(state: Mapping[str, NDArray[Any]], name: str) -> tuple[int, ...]:
    """The shape of an array, of 4 axes for weights."""
    if name not in state:
        raise ValueError(f"it has no `{name}`")
    shape = np.shape(state[name])
    if len(shape) != (4 if name.endswith(".weight") else 1):
        raise ValueError(f"`{name}` has shape {shape}, expected {'4 axes' if name.endswith('.weight') else 'one'}")
    return shape
