"""Data sets, transforms, and how they come in batches. NumPy arrays, no tensors."""

from . import transforms
from .datasets import ArrayDataset, digits, one_size, open_dataset
from .folder import ImageFolder
from .images import DamagedImage
from .loader import DataLoader
from .statistics import Statistics, image_statistics

__all__ = [
    "ArrayDataset", "DamagedImage", "DataLoader", "digits", "ImageFolder", "image_statistics", "one_size", "open_dataset", "Statistics",
    "transforms",
]
