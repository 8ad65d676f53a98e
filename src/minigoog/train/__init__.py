"""Training: `python -m minigoog.train --tiny`, or from Python `fit(Config(...))`; `resume(folder)` goes on with a run."""

from .config import Config
from .fit import fit, resume
from .loop import Interrupted, TrainingError

__all__ = ["Config", "Interrupted", "TrainingError", "fit", "resume"]
