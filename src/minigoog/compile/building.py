"""From a model to the calls of a plan, for each input shape."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .. import kernels
from ..array_types import Shape
from ..nn import evaluation_mode
from ..tensor import Tensor, is_recording
from .bf16 import bf16_calls
from .comparison import explain
from .int8 import int8_calls
from .layout import Layout
from .lowering import Call, Choice, Lowering, Recipe
from .narrow import Formats
from .rules import RULES, lower

if TYPE_CHECKING:
    from ..nn import Module

EXPLAINING = 4  # calibration images on which the error of each step is measured
Results = type[tuple[Any, ...]] | None  # what a model returns: a tuple of some kind, or a single tensor


class Version(NamedTuple):
    """A plan for one input shape. program: kernels.native.program.Program; choices: for weights with zeros (sparse.py)."""

    input_shape: Shape
    output_shapes: list[Shape]
    program: Any
    choices: list[Choice]
    formats: Formats | None = None  # of a plan with narrow maps


def build(model: "Module", recipe: Recipe, machine: Any, before: Sequence[Iterable[Choice]] = ()) -> tuple[list[Version], Results]:
    """A version for each shape of the recipe, with weights packed for `machine`; before: the choices of each in an earlier plan."""
    if not is_recording():
        raise RuntimeError("compile: a plan is made from the tape, but nothing is recorded under no_grad")
    native, found, results = kernels.native, [], None
    for i, shape in enumerate(recipe.shapes):
        calls, outputs, results, choices = _calls(model, shape, recipe, machine, before[i] if i < len(before) else ())
        formats = None
        if recipe.precision != "float32":
            calls, formats = _narrow(calls, recipe, machine, shape[0], outputs)
        else:
            calls = native.by_image.grouped(calls, shape[0], machine)
        calls = native.strips.joined(calls, machine)
        found.append((shape, outputs, calls, choices, formats))
    arrays = [a for _, _, calls, *_ in found for a in native.program.constants_of(calls)]
    constants = native.constants.Constants(arrays, several=len(found) > 1)
    versions = [
        Version(s, outputs, native.program.Program(calls, machine, constants), choices, formats)
        for s, outputs, calls, choices, formats in found
    ]
    for version in versions:
        if recipe.calibrate is not None:
            explain(float32_version(model, version, recipe, machine), version, recipe.calibrate[:EXPLAINING])
    native.workspace.release()  # the maps of the trial run: 1 GB for GoogLeNet at batch 32, not needed again
    return versions, results


def _narrow(calls: list[Call], recipe: Recipe, machine: Any, n: int, outputs: list[Shape]) -> tuple[list[Call], Formats]:
    """The calls of an int8 or bf16 plan for `n` images instead of these float32 calls, and their formats."""
    if recipe.precision == "bf16":
        return bf16_calls(calls, machine, recipe.calibrate, n, outputs)
    assert recipe.calibrate is not None
    return int8_calls(calls, machine, recipe.calibrate, n, outputs)


def float32_version(model: "Module", version: Version, recipe: Recipe, machine: Any) -> Version:
    """The float32 calls that the calls of an int8 or bf16 version were made from."""
    calls, outputs, _, choices = _calls(model, version.input_shape, recipe, machine, version.choices)
    return Version(version.input_shape, outputs, kernels.native.program.Program(calls, machine), choices)


def _calls(
    model: "Module", shape: Shape, recipe: Recipe, machine: Any, before: Iterable[Choice]
) -> tuple[list[Call], list[Shape], Results, list[Choice]]:
    x, result = _recorded(model, shape)
    ys = list(result) if isinstance(result, tuple) else [result]
    for y in ys:
        if not isinstance(y, Tensor):
            raise TypeError(f"compile: the model returned {type(y).__name__}, expected a Tensor or a tuple of Tensors")
    names = {id(parameter): name.rpartition(".")[0] for name, parameter in model.named_parameters()}
    layout = Layout(x, ys, {kind for kind, rule in RULES.items() if rule.to_slice})
    lowering = Lowering(layout, names, machine, recipe, before)
    results = type(result) if isinstance(result, tuple) else None
    return lower(lowering, ys), [y.shape for y in ys], results, lowering.choices


def _recorded(model: "Module", shape: Shape) -> tuple[Tensor, Any]:
    """An input and what the model makes of it: no values, only the tape. Where an operation of the user's own needs values,
    or those of weights that are stored elsewhere, zeros."""
    with evaluation_mode(model):
        try:
            with kernels.outlining() as promises:
                x = Tensor(kernels.outline.unknown(shape), requires_grad=True)
                y = model(x)
            if promises.kept == promises.made:
                return x, y
        except MemoryError:
            raise
        except Exception:  # whatever such an operation raises; an error of another kind comes again
            pass
        x = Tensor(np.zeros(shape, np.float32), requires_grad=True)
        return x, model(x)
