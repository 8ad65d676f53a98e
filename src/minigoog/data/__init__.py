"""Data sets, and how they come in batches. NumPy arrays, no tensors."""

from .datasets import Dataset, digits
from .loader import DataLoader

__all__ = ["DataLoader", "Dataset", "digits"]
