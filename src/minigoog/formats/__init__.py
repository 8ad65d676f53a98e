"""File formats of weights, and the only place that handles other layouts (NCHW, OIHW). NumPy arrays in, NumPy arrays out."""

from . import caffe, safetensors, saved_model
from .torchvision import googlenet_from_torchvision

__all__ = ["caffe", "googlenet_from_torchvision", "safetensors", "saved_model"]
