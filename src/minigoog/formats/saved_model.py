"""A trained model in one safetensors file: its weights, and all that somebody needs to use them on new images."""

import json
from pathlib import Path
from typing import NamedTuple

from . import safetensors

NAMES = ("averaged.safetensors", "last.safetensors")  # of a run's folder, the one to use first


class Info(NamedTuple):
    """What weights belong to.

    model, arguments   `minigoog.models.build(model, **arguments)` builds the network
    classes            the name of each class
    input_size         (height, width, channels) of an image
    mean, std          of each channel, from 0 to 255: the network sees (image - mean) / std
    more               facts about the training, as text under text"""

    model: str
    arguments: dict
    classes: tuple
    input_size: tuple
    mean: tuple
    std: tuple
    more: dict

    def as_metadata(self):
        """The facts as texts, as a safetensors file keeps them."""
        return {name: json.dumps(value) for name, value in self._asdict().items()}


def save(path, weights, info):
    """Writes `weights` (name -> array) and what they belong to, whole or not at all."""
    safetensors.save(path, weights, info.as_metadata())


def load(path):
    """(weights, Info) of a file that `save` wrote; ValueError, naming the file, for any other."""
    weights, metadata = safetensors.load(path)
    missing = [name for name in Info._fields if name not in metadata]
    if missing:
        raise ValueError(f"{path}: not a saved model of minigoog: its metadata have no `{missing[0]}`")
    try:
        facts = {name: json.loads(metadata[name]) for name in Info._fields}
        return weights, _info(facts)
    except (ValueError, TypeError, RecursionError) as error:
        raise ValueError(f"{path}: its metadata are damaged ({error})") from None


def members(run_or_file):
    """The runs in the folder of an ensemble (model-1, model-2, ...), in order; of anything else, itself alone."""
    path = Path(run_or_file)
    found = sorted(path.glob("model-*/"), key=lambda folder: (len(folder.name), folder.name)) if path.is_dir() else []
    return found or [path]


def find(run_or_file):
    """The file to load: of a run's folder the averaged weights if there are any, else the last ones; a file is itself."""
    path = Path(run_or_file)
    if not path.is_dir():
        if not path.exists():
            raise FileNotFoundError(f"{path}: no such run folder or file of weights")
        return path
    for name in NAMES:
        if (path / name).exists():
            return path / name
    raise FileNotFoundError(f"{path}: a folder without {' or '.join(NAMES)}, expected that of a run")


def _info(facts):
    """The facts as an Info; TypeError or ValueError if they are of another kind."""
    size, numbers = facts["input_size"], facts["mean"] + facts["std"]
    texts = [facts["model"], *facts["classes"], *facts["more"], *facts["more"].values()]
    if not all(isinstance(text, str) for text in texts) or not isinstance(facts["arguments"], dict):
        raise ValueError("names are not texts")
    if len(size) != 3 or not all(type(n) is int and 0 < n < 2**16 for n in size):
        raise ValueError(f"input_size is {size}, expected [height, width, channels]")
    if len(numbers) != 2 * size[2] or not all(type(x) is float for x in numbers) or not all(x > 0 for x in facts["std"]):
        raise ValueError(f"mean is {facts['mean']} and std {facts['std']}, expected a number for each of {size[2]} channels")
    tuples = {name: tuple(facts[name]) for name in ("classes", "input_size", "mean", "std")}
    return Info(**facts | tuples)
