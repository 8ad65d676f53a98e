"""Testing the paper's way: `python -m minigoog.evaluate RUN --data ...`, or from Python `probabilities(load(run), dataset, 10)`."""

from .crops import CROPS, crops
from .predict import probabilities
from .table import Row, table_3

__all__ = ["CROPS", "crops", "probabilities", "Row", "table_3"]
