"""`compile`: a network for inference as a flat list of prepared kernel calls, run by C with no Python between them.

The tape of one forward pass is read once, and everything is decided then: algorithms, packed weights, padding, and what the convolution
computes besides (bias, scale and shift, a sum, an activation: epilogue.py), and where each map lies in one arena. Concatenation
disappears: its inputs are written directly to their places. The 1x1 convolutions on one map become one product, whose first columns lie
beside the concatenated map, so that nothing is copied:

    [ 3x3 reduce | 5x5 reduce | 1x1 | 3x3 | 5x5 | pool projection ]      one product writes the first three blocks
                              [ the module's output ............. ]
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .. import kernels
from ..array_types import Array, Shape
from ..checks import check_bool, check_choice, check_shape
from .building import build
from .lowering import ALGORITHMS, Recipe
from .plan import Plan, load_plan
from .precision import check_precision, choose, recipe_for

if TYPE_CHECKING:
    from ..nn import Module

__all__ = ["Plan", "compile", "load_plan"]


def compile(
    model: "Module", input_shape: Shape | Sequence[Shape], *, algorithm: str = "auto", tune: bool = False, sparse: bool = True,
    precision: str = "float32", calibrate: Array | None = None, max_loss: float | None = None,
) -> Plan:
    """A Plan that computes what `model` computes in evaluation, for float32 inputs of exactly `input_shape` (n, h, w, c).

    input_shape: several shapes in a list make one plan for inputs of each; it has what is alike in their packed weights once.

    The parameters are copied, so later changes to the model have no effect (Plan.is_stale, Plan.refresh). A value that is not computed from
    the input by recorded operations is a constant. The model may return a tensor or a tuple of tensors. Needs the C kernels; an operation
    without a rule runs in NumPy between them, and the printed plan shows that.

    algorithm: of convolutions that name none. "auto": the fastest for this size, so that results of two sizes may differ by rounding;
    "batch_invariant": an image gets the same bits alone and in any batch, each in a plan for its size and of any precision (steps in NumPy
    are not included in this promise); "direct": a large value or a NaN affects no output but those whose windows it is in.

    Weights with many zeros are multiplied as CSR where that is faster (print(plan) says why), by fixed rules, or by trials of each layer
    with `tune`; a NaN or an infinity then does not meet the zeros. tune: of a pruned network, no step is slower than the dense one.
    sparse=False: zeros are multiplied like other weights.

    precision="int8": convolutions compute with bytes (kernels/reference/int8.py), the classifier in bf16. The scales come from
    `calibrate`, float32 images [n, h, w, c] like those that the plan will see, some dozens. What is computed with bytes has the same bits
    on every instruction set.
    precision="bf16": maps and weights are bf16, sums float32 (kernels/reference/bf16.py). It needs no images; with `calibrate` weights
    are rounded by what they multiply there, which takes a third of the error away, and some seconds.
    precision="auto": the fastest of the three that changes the largest output of at most the share `max_loss` of `calibrate`. Fixed rules
    say which is fastest on this CPU, with `tune` trials. print(plan) shows each step's format and error, Plan.compare measures them."""
    if kernels.native is None:
        raise RuntimeError("compile: the C kernels were not built (or MINIGOOG_NATIVE=off), and a plan is a list of calls to them")
    if not hasattr(model, "named_modules"):
        raise TypeError(f"compile: `model` is {type(model).__name__}, expected a Module")
    check_choice("compile", "algorithm", algorithm, ALGORITHMS)
    recipe = Recipe(_shapes(input_shape), algorithm, check_bool("compile", "tune", tune), check_bool("compile", "sparse", sparse))
    machine = kernels.native.machine.current()
    images = check_precision(precision, calibrate, max_loss, recipe.shapes)

    def make(precision: str) -> Plan:
        found = recipe_for(recipe, precision, images, machine)
        return Plan(*build(model, found, machine), found, machine)

    if images is None or max_loss is None:
        return make(precision)
    return choose(make, images, max_loss, machine, recipe.tune)


def _shapes(given: Shape | Sequence[Shape]) -> tuple[Shape, ...]:
    several = isinstance(given, (list, tuple)) and len(given) > 0 and all(isinstance(shape, (list, tuple)) for shape in given)
    shapes = tuple(check_shape("compile", "input_shape", shape, 4) for shape in (given if several else [given]))
    if len(set(shapes)) < len(shapes):
        raise ValueError(f"compile: `input_shape` is {given}, expected every shape once")
    return shapes
