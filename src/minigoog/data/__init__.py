"""Data sets, transforms and batches, as NumPy arrays; nothing here uses tensors."""

from . import transforms
from .datasets import ArrayDataset, Dataset, digits, one_size, open_dataset, standard_name
from .folder import ImageFolder
from .images import DamagedImage
from .loader import DataLoader
from .preprocess import Preprocess
from .statistics import Statistics, image_statistics

__all__ = [
    "ArrayDataset", "DamagedImage", "DataLoader", "Dataset", "digits", "ImageFolder", "image_statistics", "one_size", "open_dataset",
    "Preprocess", "standard_name", "Statistics", "transforms",
]  # fmt: skip
