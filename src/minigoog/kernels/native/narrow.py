"""Convolutions of bf16 and of bytes whose weights are packed once, for measurements: a plan has them so (plan_bf16.py, plan_int8.py)."""

from collections.abc import Callable
from typing import Any

import numpy as np

from minigoog._native import lib

from ...array_types import Array
from ..reference.bf16 import INFINITE
from ..shapes import conv_shape
from . import bf16, int8, machine
from .pointers import dense


def packed(precision: str, x: Array, *weights: Any, stride: int) -> Callable[[], Array]:
    """A function that convolves `x`, padded already, into the same float32 array each time; weights: the others of bf16_conv2d or
    int8_conv2d."""
    m, s = machine.current(), conv_shape(f"{precision}_conv2d", x.shape, weights[0].shape, stride, 0)
    conv, y = int8.settings(s, x.shape[3], s.cout, INFINITE), np.empty(s.y, np.float32)
    module, kernel, kind = {
        "bf16": (bf16, lib.mg_bf16_conv2d_float, "uint16_t[]"), "int8": (int8, lib.mg_int8_conv2d_float, "uint8_t[]"),
    }[precision]  # fmt: skip
    panels = module.pack(m, conv, s, *weights)
    arrays = dense("conv2d", "x", x, kind), dense("conv2d", "w", panels, "int32_t[]"), dense("conv2d", "y", y)

    def run() -> Array:
        kernel(conv, *arrays, m)
        return y

    return run
