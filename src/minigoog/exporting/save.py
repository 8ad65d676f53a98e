"""`save_onnx`: a model as an ONNX file."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from .. import nn
from ..array_types import Shape
from ..checks import check_bool, check_shape
from ..formats import onnx as onnx_files
from ..formats.graph import Graph, Node
from ..nn.places import names, noting_places
from ..op import function_name, key_of
from ..tape import Tape
from ..tensor import Tensor, is_recording
from .rules import RULES
from .writer import Unsupported, Writer, file_shape

WHERE = "save_onnx"


def save_onnx(
    model: nn.Module, path: str | os.PathLike[str], input_size: Shape | None = None, *, probabilities: bool = False, heads: bool = False
) -> None:
    """Writes `model`, as it computes in evaluation, as an ONNX file for images of `input_size` (height, width, channels).

    The graph takes `image` [N, c, h, w] (any N, normalised as the model's preprocessing does) and gives `logits`; with `probabilities`
    also their softmax, with `heads` GoogLeNet's auxiliary heads `aux_4a` and `aux_4d`. Values are named after modules; batch
    normalisation is part of the weights. Classes and preprocessing, if the model has them, are stored as metadata.
    input_size: that of a loaded model by default. Needs the extra `onnx`. ValueError for an operation that ONNX does not have."""
    graph = graph_of(model, _size(model, input_size), probabilities=probabilities, heads=heads)
    onnx_files.save(Path(path), graph)


def graph_of(model: nn.Module, input_size: Shape, *, probabilities: bool = False, heads: bool = False) -> Graph:
    """The Graph that `save_onnx` writes."""
    check_bool(WHERE, "probabilities", probabilities)
    if not is_recording():
        raise RuntimeError(f"{WHERE}: the graph is made from the tape, but nothing is recorded under no_grad")
    x = _images(1, check_shape(WHERE, "input_size", input_size, 3))
    modules = list(model.named_modules())
    with _mode(model, check_bool(WHERE, "heads", heads)), noting_places(modules) as places:
        result = model(x)
    if heads and not hasattr(result, "_fields"):
        raise ValueError(f"{WHERE}: `heads` is True, expected False: this {type(model).__name__} has no auxiliary heads")
    results = _results(model, result)
    tape = Tape(*results.values())
    of = names(tape, places, lambda op: function_name(type(op)))
    parameters = {id(parameter): name for name, parameter in model.named_parameters()}
    writer = Writer(x, tape, of, parameters, {y.op: name for name, y in results.items() if y.op is not None})
    _write(writer, tape)
    with _mode(model, heads):
        _check_apart(writer, tape, model, _images(2, input_size))
    outputs = [_output(writer, name, y) for name, y in results.items()]
    if probabilities:
        outputs.append(_softmax(writer, next(iter(results.values()))))
    height, width, channels = input_size
    return Graph(
        tuple(writer.nodes), writer.weights, {"image": (None, channels, height, width)}, tuple(outputs), writer.opset,
        _metadata(model), shapes=writer.shapes,
    )  # fmt: skip


def _write(writer: Writer, tape: Tape) -> None:
    """Adds the nodes of all operations that depend on the image."""
    for op in tape:
        if not any(writer.depends(t) for t in op.inputs):
            continue
        rule: Callable[[Writer, Any], None] | None = RULES.get(type(op))
        try:
            if rule is None:
                raise Unsupported(f"{writer.names[op]} is {op.name}, an operation that cannot be written")
            rule(writer, op)
        except Unsupported as error:
            raise ValueError(f"{WHERE}: {error}") from None


def _images(n: int, size: Shape) -> Tensor:
    return Tensor(np.zeros((n, *size), np.float32), requires_grad=True)


def _check_apart(writer: Writer, tape: Tape, model: nn.Module, images: Tensor) -> None:
    """ValueError if the model does not compute each of two images as it computes one: the file is for any number of them."""
    try:
        tape_of_two = Tape(*_results(model, model(images)).values())
    except ValueError as error:
        raise ValueError(f"{WHERE}: the model takes one image, expected any number: with two, {error}") from None
    if [type(op) for op in tape] != [type(op) for op in tape_of_two]:
        raise ValueError(f"{WHERE}: the model runs other operations for two images than for one, expected the same for any number")
    for op, of_two in zip(tape, tape_of_two, strict=True):
        one, two = op.y.shape, of_two.y.shape
        if op in writer.values and two != (2 * one[0], *one[1:]):
            raise ValueError(f"{WHERE}: {writer.names[op]} mixes images: its result has shape {one} for one, {two} for two")


def _output(writer: Writer, name: str, y: Tensor) -> str:
    """The name of a result, which the image itself, and what is a result under two names, get by an Identity."""
    found = writer.values[key_of(y)].name
    if found != name:
        writer.nodes.append(Node("Identity", (found,), (name,), {}, name))
        writer.shapes[name] = file_shape(y.shape)
    return name


def _softmax(writer: Writer, logits: Tensor) -> str:
    """Adds the class probabilities of a graph that ends with logits."""
    assert logits.op is not None
    name = writer.add(logits.op, "Softmax", [writer.values[logits.op].name], part="softmax", axis=1)
    writer.nodes[-1] = writer.nodes[-1]._replace(outputs=("probabilities",))
    writer.shapes["probabilities"] = writer.shapes.pop(name)
    return "probabilities"


@contextmanager
def _mode(model: nn.Module, heads: bool) -> Iterator[None]:
    """Within a with-block the model is in evaluation; with `heads`, only its parts are."""
    with ExitStack() as stack:
        if not heads:
            stack.enter_context(nn.evaluation_mode(model))
        else:
            was, model.training = vars(model).get("_training", True), True
            stack.callback(setattr, model, "training", was)
            for part in model.children():
                stack.enter_context(nn.evaluation_mode(part))
        yield


def _results(model: nn.Module, result: Any) -> dict[str, Tensor]:
    """The outputs by name: `logits`, or the names of a network with several."""
    if isinstance(result, Tensor):
        return {"logits": result}
    if not isinstance(result, tuple) or not all(isinstance(y, Tensor) for y in result):
        raise TypeError(f"{WHERE}: the model returned {type(result).__name__}, expected a Tensor or a tuple of Tensors")
    given = getattr(result, "_fields", None) or getattr(model, "outputs", None) or [f"output{i}" for i in range(len(result))]
    return dict(zip(given, result, strict=True))


def _size(model: nn.Module, input_size: Shape | None) -> Shape:
    """The given size, or that of a loaded model."""
    own = getattr(getattr(model, "preprocess", None), "input_size", None) or getattr(model, "input_size", None)
    found = own if input_size is None else input_size
    if found is None or None in tuple(found):
        raise ValueError(f"{WHERE}: `input_size` is missing, expected (height, width, channels): the model takes images of any size")
    return tuple(check_shape(WHERE, "input_size", found, 3))


def _metadata(model: nn.Module) -> dict[str, str]:
    """The classes and the preprocessing of a loaded model, as strings."""
    found = {}
    if classes := getattr(model, "classes", None):
        found["classes"] = json.dumps(list(classes))
    if preprocess := getattr(model, "preprocess", None):
        found["preprocess"] = preprocess.as_json()
    return found
