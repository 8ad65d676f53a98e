"""`save_torchvision`: GoogLeNet's weights under torchvision's names, for PyTorch."""

import os
from pathlib import Path

from .. import nn
from ..formats import safetensors
from ..formats.torchvision import googlenet_to_torchvision
from ..models import GoogLeNet


def save_torchvision(model: nn.Module, path: str | os.PathLike[str]) -> None:
    """Writes the weights of a GoogLeNet(variant="torchvision") as a safetensors file for torchvision's:

        network = torchvision.models.googlenet(init_weights=False, aux_logits=False, num_classes=...)
        network.load_state_dict(safetensors.torch.load_file(path))

    TypeError for another model, ValueError for another variant."""
    if not isinstance(model, GoogLeNet):
        raise TypeError(f"save_torchvision: `model` is {type(model).__name__}, expected GoogLeNet")
    safetensors.save(Path(path), googlenet_to_torchvision(model.state_dict()), {"format": "pt"})  # which loaders of PyTorch's users ask for
