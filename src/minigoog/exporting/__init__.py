"""Networks of this package for other systems: `save_onnx`, from the tape of a forward pass to a graph of ONNX's operations."""

from .save import graph_of, save_onnx
from .torchvision import save_torchvision

__all__ = ["graph_of", "save_onnx", "save_torchvision"]
