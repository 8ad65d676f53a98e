"""Networks: GoogLeNet, a tiny network of its parts, and those that its paper is compared with."""

from typing import Any

from ..nn import Module
from .alexnet import AlexNet
from .googlenet import GoogLeNet, GoogLeNetOutput
from .lenet5 import LeNet5
from .nin import NetworkInNetwork
from .small import SmallInception
from .tiny import TinyInception

MODELS: dict[str, type[Module]] = {
    "googlenet": GoogLeNet, "small": SmallInception, "tiny": TinyInception,
    "lenet5": LeNet5, "nin": NetworkInNetwork, "alexnet": AlexNet,
}


def build(name: str, **settings: Any) -> Module:
    """The model `name` of MODELS, built with `settings`."""
    if name not in MODELS:
        raise ValueError(f"models.build: `name` is {name!r}, expected one of {', '.join(MODELS)}")
    return MODELS[name](**settings)


__all__ = [
    "AlexNet", "build", "GoogLeNet", "GoogLeNetOutput", "LeNet5", "MODELS", "NetworkInNetwork", "SmallInception", "TinyInception",
]
