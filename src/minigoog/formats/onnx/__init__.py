"""Files of ONNX: read into a Graph, and written from one, by the package `onnx`. (https://onnx.ai, the extra `onnx`)"""

from .reading import load
from .writing import save

__all__ = ["load", "save"]
