"""`load`, the one door: a trained network from any file that this package reads, ready for photographs."""

import os
from pathlib import Path

from ..formats import saved_model
from .saved import load_saved, refuse_ensemble
from .trained import Ranking, TrainedModel, runner

__all__ = ["load", "Ranking", "runner", "TrainedModel"]


def load(path: str | os.PathLike[str]) -> TrainedModel:
    """The trained model in a run's folder or a safetensors file, in evaluation mode: a Module with `classes`, `preprocess` and `info`.

        model = minigoog.load("runs/tiny-digits-seed0")
        model.predict("seven.png")                      [("7", 0.98), ...]
        logits = model(minigoog.Tensor(model.preprocess("seven.png")))

    From a run's folder it loads the averaged weights if there are any, else those of the last epoch. A network with several outputs
    returns them as a tuple. FileNotFoundError if there is no such file. ValueError, naming the file, if it is damaged, is not a saved
    model, or holds weights that are not finite or do not fit the network; and, naming its members, for the folder of an ensemble."""
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(f"load: `path` is {type(path).__name__}, expected a path")
    refuse_ensemble(path)
    found: Path = saved_model.find(path)
    return load_saved(found, *saved_model.load(found))
