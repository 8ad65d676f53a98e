"""Convolutions in bf16 and int8 for kernels.py: operands made once, weights packed once, as a plan has them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from layers import Conv

from minigoog.array_types import Array
from minigoog.sparsity.speed.turns import Run

FORMATS = ("bf16", "int8")


def prepared(name: str, layer: Conv, values: Sequence[Array]) -> tuple[Run, Array]:
    """A run of the kernel alone to float32, and what it should give: in float64, of the rounded operands."""
    from minigoog.kernels import native
    from minigoog.kernels.reference import bf16, conv2d, int8

    x, w, b, _ = values
    if name == "bf16":
        operands: tuple[Any, ...] = bf16.to_bf16(x), bf16.to_bf16(w), b
        exact = [bf16.from_bf16(operands[0]), bf16.from_bf16(operands[1]), b]
    else:
        scale = float(np.abs(x).max()) / int8.CODES[1]
        codes, scales = int8.quantize_weights(w)
        bias = np.rint(b / (scale * scales)).astype(np.int32)
        operands = int8.quantize(np.abs(x), scale), codes, bias, (scale * scales).astype(np.float32)
        exact = [operands[0] * scale, codes * scales, bias * scale * scales]
    judge = conv2d(*(a.astype(np.float64) for a in exact), stride=layer.stride, padding=layer.pad)
    pad, (x, *weights) = layer.pad, operands
    padded = np.pad(x, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
    return native.narrow.packed(name, padded, *weights, stride=layer.stride), judge
