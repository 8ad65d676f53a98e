"""File formats of weights, and the only place that handles other layouts (NCHW, OIHW). NumPy arrays in, NumPy arrays out."""

from . import safetensors, saved_model
from .caffe import googlenet_from_caffe
from .torchvision import googlenet_from_torchvision

__all__ = ["googlenet_from_caffe", "googlenet_from_torchvision", "safetensors", "saved_model"]
