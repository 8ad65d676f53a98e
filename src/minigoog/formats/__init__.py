"""Files of other systems, and the only place where their layouts (NCHW, OIHW) are known. NumPy arrays in, NumPy arrays out."""

from . import safetensors

__all__ = ["safetensors"]
