"""Which neighbouring calls of a plan are made together, for some rows and then for the next (csrc/plan_strips.c): those between which a map
lies that would leave the cache of a core, as between an expansion, a depthwise convolution and a projection."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from minigoog._native import ffi, lib

from .arena import ARENA, PRIVATE, Buffer
from .machine import Machine
from .plan import Call

LARGE = 1 << 16  # floats of a map between two calls, for each thread that has a part of it
IN_CACHE = 1 << 17  # floats of all the rows between the calls that are in memory at a time
FEW_WEIGHTS = 1 << 17  # floats that every strip reads again
LONGEST = 3  # calls, as in plan_strips.c
KERNELS = {lib.MG_CONV2D_DIRECT: "conv", lib.MG_DEPTHWISE: "depthwise", lib.MG_MAX_POOL2D: "pool"}


def joined(calls: Sequence[Call], m: Machine) -> list[Call]:
    """`calls`, the first of each strip with the number of its calls and its rows. The largest maps between two calls come first.

    m: with several threads, each has its own cache for its share of a map, so only larger ones are worth it."""
    strips = {i: [i] for i in range(len(calls))}  # a call -> the strip that it is in
    uses = Counter(m.buffer for call in calls for m in call.maps())
    between = [i for i in range(1, len(calls)) if _follows(calls[i - 1], calls[i], uses, m)]
    for i in sorted(between, key=lambda i: -math.prod(calls[i].x.shape)):  # stable: of equal ones the first
        both = strips[i - 1] + strips[i]
        if len(both) <= LONGEST and _rows([calls[j] for j in both]):
            strips |= dict.fromkeys(both, both)
    found = list(calls)
    for strip in strips.values():
        if len(strip) > 1:
            its = calls[strip[0] : strip[-1] + 1]
            found[strip[0]] = found[strip[0]]._replace(strip=len(strip), strip_rows=_rows(its))
    return found


def _follows(a: Call, b: Call, uses: Mapping[Buffer, int], m: Machine) -> bool:
    """Whether call `b` can be in a strip with the call before it: it alone reads what that one writes, a large map."""
    if not _one_image(a) or not _one_image(b) or a.images != b.images or b.x != a.y:
        return False
    alone = a.y.buffer.area == ARENA and a.y.whole and uses[a.y.buffer] == 2
    threads = m.threads if a.images == 1 else 1
    return alone and math.prod(a.y.shape) // a.images >= LARGE * threads


def by_rows(kernel: int, s: Any) -> bool:
    """Whether a call of this kernel can be made for some rows: all its windows have a row inside the map."""
    if kernel not in KERNELS:
        return False
    pad = getattr(s, "pad_top", 0)
    return bool(pad <= (s.kh - 1) * s.dilation_h and s.out_h > 0 and (s.out_h - 1) * s.stride_h < s.h + pad)


def _one_image(call: Call) -> bool:
    return call.kernel in KERNELS and call.x.shape[0] == call.images and by_rows(call.kernel, call.settings[KERNELS[call.kernel]])


def _rows(calls: Sequence[Call]) -> int:
    """How many rows of the last output make a strip of these calls; 0: none."""
    if sum(a.size for call in calls for a in call.constants()) > FEW_WEIGHTS:
        return 0
    return next((rows for rows in (8, 4, 2, 1) if rows < calls[-1].y.shape[1] and _floats(calls, rows) <= IN_CACHE), 0)


def _floats(calls: Sequence[Call], rows: int) -> int:
    return sum(call.y.shape[2] * call.y.ld * most for call, most in zip(calls, _most_rows(calls, rows)[:-1], strict=False))


def _most_rows(calls: Sequence[Call], rows: int) -> list[int]:
    """How many rows of each call's output are in memory at most."""
    c_calls = ffi.new("struct mg_call[]", [{"kernel": call.kernel, "settings": call.settings} for call in calls])
    c_calls[0].strip, c_calls[0].strip_rows = len(calls), rows
    return [lib.mg_strip_rows(c_calls, i) for i in range(len(calls))]


def shrink(calls: Sequence[Call], touched: list[list[Buffer]]) -> None:
    """Makes the maps inside strips as large as their rows, and all buffers that a strip touches in use from its first call to its last.
    touched[i]: the buffers that call i reads or writes."""
    for i, call in enumerate(calls):
        last = i + call.strip - 1
        strip = calls[i : last + 1]
        for inner, rows in zip(strip[:-1], _most_rows(strip, call.strip_rows) if call.strip else [], strict=False):
            inner.y.buffer.area, inner.y.buffer.size = PRIVATE, rows * inner.y.shape[2] * inner.y.ld
        for buffer in {buffer for j in range(i, last + 1) for buffer in touched[j]}:
            touched[i].append(buffer)
            touched[last].append(buffer)
