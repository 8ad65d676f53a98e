"""What the kernels of bytes and of bf16 touch, for bounds.py: as the kernels of float32 with the same settings, in words of 4 bytes."""

from collections.abc import Callable
from typing import Any, NamedTuple

from minigoog._native import ffi, lib

from ..reference.int8 import MOST_SUMMED
from .pointers import Pointer

Rule = Callable[[Pointer, Any], Any]  # settings and machine -> Extents
MOST_CODES = 1 << 31  # of a sum of products of bytes


def _need(condition: bool, what: str) -> None:
    if not condition:
        raise ValueError(what)


def _words(extents: Any, x: int, y: int) -> Any:
    """Extents that were counted in values of `x` and `y` bytes, as words."""
    return extents._replace(x=-(-extents.x * x // 4), y=-(-extents.y * y // 4))


class _Rows(NamedTuple):
    """Settings of struct mg_quantize as those of struct mg_elementwise."""

    rows: int
    c: int
    lda: int
    ldy: int


def extents_of_narrow(conv: Rule, pool: Rule, elementwise: Rule, place: Rule) -> dict[str, Rule]:
    """Kernel -> what it touches, from the rules for float32."""

    def convolution(panels_size: Callable[..., int], x: int, y: int) -> Rule:
        def rule(s: Pointer, m: Any) -> Any:
            found = conv(s, m)
            _need(x > 1 or s.kh * s.kw * s.cin * 255 * 128 < MOST_CODES, f"sums of {s.kh * s.kw * s.cin} products of bytes")
            _need(x * y > 1 or (s.alpha >= 0 and s.beta <= 255), f"codes from {s.alpha} to {s.beta}")
            weights = max(s.groups, 1) * int(panels_size(ffi.addressof(s), m))
            return _words(found, x, y)._replace(w=weights, residual=None)

        return rule

    def pairs(s: Pointer, m: Any) -> Any:
        inside = s.kh == s.kw and s.kh in (1, 3) and s.stride_h == s.stride_w == s.dilation_h == s.dilation_w == 1
        _need(inside and s.groups <= 1 and s.cin % 4 == 0, "pairs of bytes for another window")
        return convolution(lib.mg_int8_panels_size, 1, 1)(s, m)

    def winograd(s: Pointer, m: Any) -> Any:
        steps = (s.kh, s.kw, s.stride_h, s.stride_w, s.dilation_h, s.dilation_w)
        _need(steps == (3, 3, 1, 1, 1, 1) and s.groups <= 1, "winograd in bf16 for another window")
        _need(s.cin * s.cout * 16 < MOST_CODES, f"{s.cin} x {s.cout} weights")
        return _words(conv(s, m), 2, 2)._replace(w=int(lib.mg_bf16_winograd_size(s.cin, s.cout, m)), b=s.cout, residual=None)

    def narrow(rule: Rule, x: int, y: int) -> Rule:
        return lambda s, m: _words(rule(s, m), x, y)

    def average(s: Pointer, m: Any) -> Any:
        _need(s.pool.kh * s.pool.kw < MOST_SUMMED, "sums of more codes than an int32 holds")
        return _words(pool(s.pool, m), 1, 4)

    def quantize(x: int, y: int) -> Rule:
        def rule(s: Pointer, m: Any) -> Any:
            _need(0 <= s.zero <= 255, f"zero is {s.zero}")
            return _words(elementwise(_Rows(s.rows, s.c, s.ldx, s.ldy), m), x, y)

        return rule

    def places(s: Pointer, m: Any) -> Any:
        inside = s.step_h == s.step_w == 1 and s.top >= 0 and s.left >= 0 and s.left + s.w <= s.out_w
        _need(inside, "a map that is not inside its canvas")
        return _words(place(s, m), 1, 1)

    def image(s: Pointer, m: Any) -> Any:
        _need(0 < s.c <= lib.MG_IMAGE_CHANNELS and s.ldx == s.c, f"an image of {s.c} channels, {s.ldx} apart")
        found = places(s, m)
        return found._replace(x=s.n * s.h * s.w * s.c, w=2 * s.c)

    return {
        "MG_QUANTIZE_IMAGE": image,
        "MG_QUANTIZE": quantize(4, 1), "MG_DEQUANTIZE": quantize(1, 4), "MG_PLACE_BYTES": places,
        "MG_COPY_BYTES": narrow(elementwise, 1, 1), "MG_INT8_CONV2D": convolution(lib.mg_int8_panels_size, 1, 1),
        "MG_INT8_CONV2D_FLOAT": convolution(lib.mg_int8_panels_size, 1, 4), "MG_INT8_MAX_POOL2D": narrow(pool, 1, 1),
        "MG_INT8_CONV2D_PAIRS": pairs, "MG_BF16_WINOGRAD": winograd,
        "MG_INT8_AVG_POOL2D": average, "MG_TO_BF16": narrow(elementwise, 4, 2), "MG_FROM_BF16": narrow(elementwise, 2, 4),
        "MG_BF16_CONV2D": convolution(lib.mg_bf16_panels_size, 2, 2), "MG_BF16_CONV2D_FLOAT": convolution(lib.mg_bf16_panels_size, 2, 4),
        "MG_BF16_MAX_POOL2D": narrow(pool, 2, 2), "MG_BF16_AVG_POOL2D": narrow(pool, 2, 4),
    }  # fmt: skip
