"""Operations on constants, computed with NumPy: most of them make shapes."""

from . import arithmetic, making, shapes
from .table import FOLDS, Constant

__all__ = ["FOLDS", "Constant", "arithmetic", "making", "shapes"]
