"""File formats of weights, and the only place where other layouts (NCHW, OIHW) are known. NumPy arrays in, NumPy arrays out."""

from . import safetensors, saved_model
from .caffe import googlenet_from_caffe
from .torchvision import googlenet_from_torchvision

__all__ = ["googlenet_from_caffe", "googlenet_from_torchvision", "safetensors", "saved_model"]
