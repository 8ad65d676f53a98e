"""`load`, the one door: a trained network from any file that this package reads, ready for photographs."""

import os
from difflib import get_close_matches
from pathlib import Path
from types import NoneType

from ..array_types import Array
from ..data import pretrained
from ..data.preprocess import Preprocess
from ..formats import graph_json, safetensors, saved_model
from ..formats.graph import FreeShape
from ..importing import ImportedNetwork
from ..nn import masks
from ..text import listed, printable
from . import foreign
from .kinds import kind_of
from .pixels import Names, Wanted, chosen, fitting
from .saved import build, check_network, load_saved, preprocess_of, refuse_ensemble, set_masks
from .trained import Ranking, TrainedModel, runner, trained

__all__ = ["build", "constants", "described", "load", "Ranking", "runner", "save", "set_masks", "TrainedModel"]


def load(
    path: str | os.PathLike[str], *, preprocess: Wanted = None, classes: Names = None, prototxt: str | os.PathLike[str] | None = None,
    download: bool = False,
) -> TrainedModel:  # fmt: skip
    """The trained network in a run's folder or a file, in evaluation mode: a Module with `classes`, `preprocess`, `predict` and `info`.

        model = minigoog.load("runs/tiny-digits-seed0")
        model.predict("seven.png")                      [("7", 0.98), ...]
        logits = model(minigoog.Tensor(model.preprocess("seven.png")))

    - `path`: a run's folder, of which it loads the averaged weights if there are any, else those of the last epoch; or a saved model; or
      .onnx, .caffemodel, .pth or safetensors files of other systems; or one of the names of `data.pretrained.WEIGHTS`
    - `preprocess`: how photographs are prepared: a Preprocess, the name of one of `data.families.FAMILIES`, or a dict of some of name, size
      (an integer or height and width), mean, std (of each channel) and colours. Without it, it is what the file says, or else what such
      files usually want; then a line on standard error says what was assumed
    - `classes`: their names, or a file of them; without it, those in the file or beside it (synset_words.txt), or else numbers
    - `prototxt`: of a .caffemodel; without it, the one beside it, if there is one
    - `download`: whether weights that are given by name are fetched if they are missing

    A network with several outputs returns them as a tuple. FileNotFoundError if there is no such file. ValueError, naming the file, if
    it is damaged, is of another kind, has an operation that is not supported, or holds weights that are not finite or do not fit the
    network; and, naming its members, for the folder of an ensemble."""
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(f"load: `path` is {type(path).__name__}, expected a path")
    if not isinstance(prototxt, (str, os.PathLike, NoneType)):
        raise TypeError(f"load: `prototxt` is {type(prototxt).__name__}, expected a path")
    if isinstance(path, str) and not os.path.exists(path):
        path = _public(path, download)
    refuse_ensemble(path)
    file: Path = saved_model.find(path)
    kind = kind_of(file)
    if kind == "safetensors":
        weights, metadata = safetensors.load(file)
        if saved_model.is_saved(metadata):
            return _adapted(load_saved(file, weights, saved_model.info_of(file, metadata)), preprocess, classes)
        found = foreign.load_state_dict(file, weights, kind)
    else:
        found = foreign.load_pth(file) if kind == "pth" else foreign.load_graph(file, kind, prototxt)
    return _trained(file, found, preprocess, classes)


def _public(name: str, download: bool) -> str | Path:
    """The file of public weights, or the name itself if it is none of theirs; FileNotFoundError, listing them, if it is nearly one."""
    if name in pretrained.WEIGHTS:
        return pretrained.find(name, download)
    if near := get_close_matches(name, pretrained.WEIGHTS):
        raise FileNotFoundError(f"{printable(name)}: no such run folder or file of weights; public weights are called {listed(near)}")
    return name


def save(model: TrainedModel, path: str | os.PathLike[str]) -> None:
    """Writes a network from `load`, perhaps changed, trained or pruned since, as one file that `load` reads: weights, masks, graph, classes
    and how it wants photographs."""
    if not isinstance(model, TrainedModel):
        raise TypeError(f"save: `model` is {type(model).__name__}, expected what `load` returns")
    arrays = model.state_dict() | constants(model) | saved_model.packed(masks(model))
    saved_model.save(Path(path), arrays, _current(model))


def _current(model: TrainedModel) -> saved_model.Info:
    """The Info of a model with the classes and the preprocessing that it has now."""
    if not isinstance(model.preprocess, Preprocess):
        raise TypeError(f"save: `model.preprocess` is {type(model.preprocess).__name__}, expected a Preprocess")
    pixels = fitting(model.path, model.preprocess, _takes(model))
    info = model.info._replace(classes=foreign.named(model.path, model.classes, len(model.info.classes), ()))
    return info if pixels == preprocess_of(model.path, info) else described(info, pixels)


def constants(model: TrainedModel) -> dict[str, Array]:
    """What a saved model holds beside the state dict: of an imported network, the values in its graph that are not trained."""
    return graph_json.described(model.graph)[1] if model.info.model == foreign.GRAPH else {}


def _trained(file: Path, found: foreign.Found, preprocess: Wanted, classes: Names) -> TrainedModel:
    """The model of what was found in a file of another system."""
    check_network(file, found.network)
    pixels = chosen(file, preprocess, found.preprocess, found.family, found.known, found.size)
    names = foreign.named(file, classes, found.classes, found.names)
    info = saved_model.Info(found.model, found.arguments, names, pixels.input_size, pixels.mean, pixels.std, found.facts)
    return trained(found.network, classes=names, preprocess=pixels, info=described(info, pixels), path=file)


def _adapted(model: TrainedModel, preprocess: Wanted, classes: Names) -> TrainedModel:
    """A saved model with other pixels or names, if any are asked for."""
    if preprocess is not None:
        model.preprocess = chosen(model.path, preprocess, model.preprocess, "", True, _takes(model))
        model.info = described(model.info, model.preprocess)
    if classes is not None:
        model.classes = foreign.named(model.path, classes, len(model.classes), ())
        model.info = model.info._replace(classes=model.classes)
    return model


def _takes(model: TrainedModel) -> FreeShape:
    """The size of the images that a network takes; None for an axis of any length."""
    return model.input_size if isinstance(model, ImportedNetwork) else (None, None, model.info.input_size[2])


def described(info: saved_model.Info, pixels: Preprocess) -> saved_model.Info:
    """The Info of a model whose photographs are prepared like this."""
    more = info.more | {"preprocess": pixels.settings()}
    return info._replace(input_size=pixels.input_size, mean=pixels.mean, std=pixels.std, more=more)
