"""How each of ONNX's operations becomes operations of this package, in files by kind. Importing this enters them into the table."""

from . import activation, arithmetic, convolution, extremes, linear, normalisation, padding, parts, pooling, resizing, views

__all__ = [
    "activation", "arithmetic", "convolution", "extremes", "linear", "normalisation", "padding", "parts", "pooling", "resizing", "views",
]  # fmt: skip
