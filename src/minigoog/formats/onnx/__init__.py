"""ONNX files, by the package onnx (the extra `onnx`)."""

from .write import write

__all__ = ["write"]
