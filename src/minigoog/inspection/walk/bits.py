"""How a number of a convolution would come about in fewer bits: in bytes, step by step, and in bf16."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ...array_types import Array, IntArray
from ...compile.calibration import scale_of
from ...kernels.reference.bf16 import from_bf16, to_bf16
from ...kernels.reference.int8 import LARGEST_CODE, LARGEST_WEIGHT, quantize, quantize_weights
from ...text import aligned
from ..rules import rule_of
from ..trace.step import Step

STRONGEST = 4  # products that are printed


class Coded(NamedTuple):
    """A number of an int8 plan whose scales come from this image alone. patch, weights: codes; factor: by which sums become codes of y."""

    x_scale: float
    w_scale: float
    y_scale: float
    patch: IntArray
    weights: IntArray
    bias: int
    factor: np.float32
    total: int
    code: int


def coded(step: Step, index: Sequence[int]) -> Coded:
    """How the number at `index` [row, column, channel] of a convolution comes about in bytes."""
    patch, weights, bias = _operands(step, index)
    x = step.inputs[0]
    if x.min() < 0:
        raise ValueError(f"bits: the input of {step.name} has negative numbers, expected a map after a ReLU, whose code of 0 is 0")
    x_scale, y_scale = scale_of(float(x.max())), scale_of(float(max(step.output.max(), 0)))
    w_codes, (w_scale,) = quantize_weights(weights.reshape(-1, 1))
    x_codes = quantize(patch.astype(np.float32), x_scale).astype(np.int64)
    products = x_codes * w_codes.reshape(weights.shape)
    b = round(bias / (x_scale * w_scale))
    factor = np.float32(x_scale * w_scale / y_scale)
    total = int(products.sum()) + b
    code = int(np.rint(np.clip(np.float32(total) * factor, 0, LARGEST_CODE)))
    return Coded(x_scale, float(w_scale), y_scale, x_codes, w_codes.astype(np.int64).reshape(weights.shape), b, factor, total, code)


def _operands(step: Step, index: Sequence[int]) -> tuple[Array, Array, float]:
    """The patch, the filter and the bias of a number of a convolution."""
    found = rule_of(step.op).output(step.op, (0, *index))
    if not {"patch", "filter"} <= found.factors.keys():
        raise ValueError(f"bits: {step.name} is a {step.operation}, expected a convolution: `next` or `jump` go to one")
    return found.factors["patch"], found.factors["filter"], float(found.parts.get("bias", 0.0))


def in_bf16(step: Step, index: Sequence[int]) -> float:
    """The number with patch and filter in bf16, its sum rounded to bf16 too."""
    patch, weights, bias = _operands(step, index)
    rounded = (from_bf16(to_bf16(a.astype(np.float32))).astype(np.float64) for a in (patch, weights))
    total = max(float(np.prod([*rounded], axis=0).sum()) + bias, 0.0)
    return float(from_bf16(to_bf16(np.array([total], np.float32)))[0])


def explained(step: Step, index: Sequence[int]) -> str:
    """The text of `bits`."""
    c, exact = coded(step, index), max(float(step.output[(0, *index)]), 0.0)
    value, bf16 = c.y_scale * c.code, in_bf16(step, index)
    last_bit = 2.0**-7 * 2 ** np.floor(np.log2(exact or 1))
    rows: list[tuple[str, ...]] = [
        ("input", f"{c.x_scale:.6g} * code", f"its largest number, {step.inputs[0].max():.6g}, is code {LARGEST_CODE}"),
        ("filter", f"{c.w_scale:.6g} * code", f"the largest weight of channel {index[-1]} is code {LARGEST_WEIGHT}"),
        ("output", f"{c.y_scale:.6g} * code", f"its largest number, {step.output.max():.6g}, is code {LARGEST_CODE}"),
        *_strongest(c),
        ("bias", f"{c.bias:,}", "bias / (input scale * filter scale), rounded"),
        ("sum", f"{c.total:,}", f"{c.patch.size:,} products and the bias: integers, exact"),
        ("times", f"{c.factor:.6g}", f"{c.x_scale:.6g} * {c.w_scale:.6g} / {c.y_scale:.6g}"),
        ("code", f"{c.code}", f"{np.float32(c.total) * c.factor:.6g} rounded, at least 0, at most {LARGEST_CODE}"),
        ("value", f"{value:.6g}", f"{c.y_scale:.6g} * {c.code}"),
        ("float32", f"{exact:.6g}", f"differs by {abs(value - exact):.2g}; one step of the code is {c.y_scale:.2g}"),
        ("bf16", f"{bf16:.6g}", f"differs by {abs(bf16 - exact):.2g}; of 8 bits the last is {last_bit:.2g}"),
    ]
    head = f"{step.name}[{', '.join(map(str, index))}] in bytes; the scales are those of this image alone"
    return f"{head}\n{aligned([('', '', ''), *rows]).partition(chr(10))[2].partition(chr(10))[2]}"


def _strongest(c: Coded) -> list[tuple[str, ...]]:
    products: Any = c.patch * c.weights
    order = np.argsort(-np.abs(products), axis=None, kind="stable")[:STRONGEST]
    places = [np.unravel_index(i, products.shape) for i in order]
    return [("product", f"{int(products[p]):,}", f"{int(c.patch[p])} * {int(c.weights[p])}, at {[int(i) for i in p]}") for p in places]
