"""Networks: GoogLeNet, small networks of the same parts, and networks that its paper compares with."""

from typing import Any

from ..checks import check_choice
from ..nn import Module
from .alexnet import AlexNet
from .googlenet import GoogLeNet, GoogLeNetOutput
from .lenet5 import LeNet5
from .nin import NetworkInNetwork
from .quick import COMPONENTS, WINDOW, QuickInception
from .small import SmallInception
from .tiny import TinyInception

MODELS: dict[str, type[Module]] = {
    "googlenet": GoogLeNet, "small": SmallInception, "tiny": TinyInception,
    "lenet5": LeNet5, "nin": NetworkInNetwork, "alexnet": AlexNet, "quick": QuickInception,
}
INPUT_SIZES = {  # (height, width, channels) of the images that a network was designed for
    "googlenet": (224, 224, 3), "small": (32, 32, 3), "tiny": (8, 8, 1),
    "lenet5": (32, 32, 1), "nin": (32, 32, 3), "alexnet": (227, 227, 3), "quick": (32, 32, 3),
}
ANY_SIZE = ("small", "tiny", "quick")  # networks that are trained at the size of their images
WHITENED = {"quick": (WINDOW, COMPONENTS)}  # networks whose `stem` may be whitened: its windows' side, components


def build(name: str, **settings: Any) -> Module:
    """The model `name` of MODELS, built with `settings`."""
    check_choice("models.build", "name", name, tuple(MODELS))
    return MODELS[name](**settings)


__all__ = [
    "AlexNet", "ANY_SIZE", "build", "GoogLeNet", "GoogLeNetOutput", "INPUT_SIZES", "LeNet5", "MODELS", "NetworkInNetwork",
    "QuickInception", "SmallInception", "TinyInception", "WHITENED",
]
