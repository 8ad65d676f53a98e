"""Convolutions in bf16 and int8 for kernels.py: operands made once, weights packed once, as a plan has them, and the formats' peaks."""

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from layers import Conv

from minigoog.array_types import Array
from minigoog.sparsity.speed.turns import Run

FORMATS = ("bf16", "int8")
ROUNDS, SECONDS = 100_000, 1.0  # of a burst, and of all bursts


def peak(name: str) -> float:
    """Products and sums of this format in registers, GOP/s of all threads in use: the best of bursts within a second."""
    from minigoog._native import lib
    from minigoog.kernels.native import machine

    burst = {"bf16": lib.mg_bf16_peak, "int8": lib.mg_int8_peak}[name]
    best, end = 0.0, time.perf_counter() + SECONDS
    while time.perf_counter() < end:
        start = time.perf_counter()
        operations = burst(ROUNDS, machine.current())
        best = max(best, operations / (time.perf_counter() - start))
    return best * 1e-9


def prepared(name: str, layer: Conv, values: Sequence[Array]) -> tuple[Run, Array]:
    """A run of the kernel alone to float32, and what it should give: in float64, of the rounded operands."""
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
    return _run(name, layer, operands), judge


def _run(name: str, layer: Conv, operands: tuple[Any, ...]) -> Run:
    """The call in C, on the padded map."""
    from minigoog._native import ffi, lib
    from minigoog.kernels.native import bf16, int8, machine
    from minigoog.kernels.shapes import conv_shape

    m, pad, (x, *weights) = machine.current(), layer.pad, operands
    x = np.pad(x, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
    s = conv_shape("conv2d", x.shape, weights[0].shape, layer.stride, 0)
    conv, y = int8.settings(s, x.shape[3], s.cout, (-np.inf, np.inf)), np.empty(s.y, np.float32)
    packed = {"bf16": bf16, "int8": int8}[name].pack(m, conv, s, *weights)
    kernel, kind = {"bf16": (lib.mg_bf16_conv2d_float, "uint16_t[]"), "int8": (lib.mg_int8_conv2d_float, "uint8_t[]")}[name]
    pointers = ffi.from_buffer(kind, x), ffi.from_buffer("int32_t[]", packed), ffi.from_buffer("float[]", y)

    def run() -> Array:
        kernel(conv, *pointers, m)
        return y

    return run
