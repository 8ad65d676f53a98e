"""File formats of weights, and the only place that handles other layouts (NCHW, OIHW). NumPy arrays in, NumPy arrays out."""

from . import caffe, pth, safetensors, saved_model, state_dict
from .torchvision import googlenet_from_torchvision, googlenet_to_torchvision

__all__ = ["caffe", "googlenet_from_torchvision", "googlenet_to_torchvision", "pth", "safetensors", "saved_model", "state_dict"]
