"""Files of ONNX: read into a Graph, with the package `onnx` as their parser. (https://onnx.ai, the extra `onnx`)"""

from .reading import load

__all__ = ["load"]
