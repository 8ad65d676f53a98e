"""Training: `python -m minigoog.train --tiny`, or from Python `fit(Config(...))`."""

from .config import Config
from .loop import Interrupted, TrainingError, fit

__all__ = ["Config", "Interrupted", "TrainingError", "fit"]
