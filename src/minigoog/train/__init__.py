"""Training: `python -m minigoog.train --tiny`, or from Python `fit(Config(...))`; `resume(folder)` continues a run."""

from .callbacks import Callback
from .config import Config
from .errors import Interrupted, TrainingError
from .fit import fit, resume
from .results import Result

__all__ = ["Callback", "Config", "fit", "Interrupted", "Result", "resume", "TrainingError"]
