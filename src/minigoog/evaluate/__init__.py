"""Testing the paper's way: `python -m minigoog.evaluate RUN --data ...`, or from Python `probabilities(model, info, dataset, crops)`."""

from .crops import CROPS, crops
from .predict import TrainedModel, load, probabilities
from .table import Row, table_3

__all__ = ["CROPS", "crops", "load", "TrainedModel", "probabilities", "Row", "table_3"]
