"""File formats of weights, and the only place that handles other layouts (NCHW, OIHW). NumPy arrays in, NumPy arrays out."""

from . import pth, safetensors, saved_model, state_dict
from .caffe import googlenet_from_caffe
from .torchvision import googlenet_from_torchvision, googlenet_to_torchvision

__all__ = [
    "googlenet_from_caffe", "googlenet_from_torchvision", "googlenet_to_torchvision", "pth", "safetensors", "saved_model", "state_dict",
]
