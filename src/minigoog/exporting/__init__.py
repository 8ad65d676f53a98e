"""Networks of this package for other systems: `save_onnx`, from the tape of a forward pass to a graph of ONNX's operations."""

from .save import graph_of, save_onnx

__all__ = ["graph_of", "save_onnx"]
