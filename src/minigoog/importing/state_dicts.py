"""Which network a state dict of another system belongs to, and its weights in this package's names and layout."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from numpy.typing import NDArray

from ..array_types import Array
from ..formats.torchvision import googlenet_from_torchvision
from ..text import listed

TORCHVISION = ("conv1.conv.weight", "inception3a.branch1.conv.weight", "fc.bias")  # names that its GoogLeNet has, and no network of ours
KNOWN = "torchvision's GoogLeNet, and the networks of minigoog.models by their names"


class Recognised(NamedTuple):
    """`models.build(model, **arguments)` builds the network, `load_state_dict(weights)` fills it.

    preprocess   the name of how it expects photographs: "torchvision-googlenet" ((x - 0.5) / 0.5 from 0 to 1, shorter side 256, crop
                 224), or None if the state dict does not tell"""

    model: str
    arguments: dict[str, Any]
    weights: dict[str, Array]
    preprocess: str | None


def recognise(state: Mapping[str, NDArray[Any]]) -> Recognised:
    """The network that a state dict belongs to. ValueError that says which are recognised if it is none of them.

    torchvision's GoogLeNet is taken as one that changes its input (`transform_input`), as all with pretrained weights do; otherwise its
    images are normalised as for "torchvision"."""
    if all(name in state for name in TORCHVISION):
        return _torchvision(state)
    raise ValueError(f"a state dict with {listed(state, 3)}, expected one of {KNOWN}; other networks are read as .onnx files")


def _torchvision(state: Mapping[str, NDArray[Any]]) -> Recognised:
    weights = googlenet_from_torchvision(state, transform_input=True).weights
    arguments = {"num_classes": weights["classifier.bias"].size, "variant": "torchvision", "aux_heads": "aux_4a.conv.bias" in weights}
    return Recognised("googlenet", arguments, dict(weights), "torchvision-googlenet")
