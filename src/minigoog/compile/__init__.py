"""`compile`: a network for inference as a flat list of prepared kernel calls, run by C with no Python between them.

The tape of one forward pass is read once, and everything is decided then: algorithms, packed weights, padding, and what the convolution
computes besides (bias, scale and shift, a sum, an activation: epilogue.py), and where each map lies in one arena. Concatenation
disappears: its inputs are written directly to their places. The 1x1 convolutions on one map become one product, whose first columns lie
beside the concatenated map, so that nothing is copied:

    [ 3x3 reduce | 5x5 reduce | 1x1 | 3x3 | 5x5 | pool projection ]      one product writes the first three blocks
                              [ the module's output ............. ]
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from .. import kernels
from ..array_types import Shape
from ..checks import check_bool, check_choice, check_shape
from ..nn import evaluation_mode
from ..tensor import Tensor, is_recording
from .plan import Plan
from .rules import lower

if TYPE_CHECKING:
    from ..nn import Module

__all__ = ["Plan", "compile"]

ALGORITHMS = ("auto", "batch_invariant", "direct")


def compile(model: "Module", input_shape: Shape, *, algorithm: str = "auto", tune: bool = False) -> Plan:
    """A Plan that computes what `model` computes in evaluation, for float32 inputs of exactly `input_shape` (n, h, w, c).

    The parameters are copied, so later changes to the model have no effect. A value that is not computed from the input by recorded
    operations is a constant. The model may return a tensor or a tuple of tensors. Needs the C kernels; an operation without a rule
    runs in NumPy between them, and the printed plan shows that.

    algorithm: of convolutions that name none. "auto": the fastest for this size, so that results of two sizes may differ by rounding;
    "batch_invariant": an image gets the same bits alone and in any batch, each in a plan for its size (steps in NumPy are not included
    in this promise); "direct": a large value or a NaN affects no output but those whose windows it is in.

    Weights with many zeros are multiplied as CSR where that is faster (print(plan) says why), by fixed rules, or by trials of each layer
    with `tune`; a NaN or an infinity then does not meet the zeros. tune: of a pruned network, no step is slower than the dense one."""
    if kernels.native is None:
        raise RuntimeError("compile: the C kernels were not built (or MINIGOOG_NATIVE=off), and a plan is a list of calls to them")
    if not hasattr(model, "named_modules"):
        raise TypeError(f"compile: `model` is {type(model).__name__}, expected a Module")
    if not is_recording():
        raise RuntimeError("compile: a plan is made from the tape, but nothing is recorded under no_grad")
    check_choice("compile", "algorithm", algorithm, ALGORITHMS)
    plan = _plan(model, check_shape("compile", "input_shape", input_shape, 4), algorithm, check_bool("compile", "tune", tune))
    kernels.native.workspace.release()  # the maps of the trial run: 1 GB for GoogLeNet at batch 32, not needed again
    return plan


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


def _plan(model: "Module", shape: Shape, algorithm: str, tune: bool) -> Plan:
    x, result = _recorded(model, shape)
    ys = list(result) if isinstance(result, tuple) else [result]
    for y in ys:
        if not isinstance(y, Tensor):
            raise TypeError(f"compile: the model returned {type(y).__name__}, expected a Tensor or a tuple of Tensors")
    names = {id(parameter): name.rpartition(".")[0] for name, parameter in model.named_parameters()}
    machine = kernels.native.machine.current()
    steps = lower(x, ys, names, machine, algorithm, tune)
    return Plan(steps, machine, shape, [y.shape for y in ys], type(result) if isinstance(result, tuple) else None)
