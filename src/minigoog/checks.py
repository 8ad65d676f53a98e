"""Checks of arguments. Each error names the function, the argument, what was given and what was expected."""

import inspect
import math
import operator
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from .array_types import Array, IntArray, Shape
from .text import short

FLOATS = np.dtype(np.float32), np.dtype(np.float64)  # comparing a dtype with np.float32 takes several times as long


def check_array(
    where: str,
    name: str,
    a: Any,
    ndim: int | tuple[int, ...] | None = None,
    dtype: DTypeLike | None = None,
    shape: Shape | None = None,
) -> Any:
    """Returns `a` if it is a NumPy array of floats (or of `dtype`) with `ndim` axes (an int or a tuple) and this `shape`; else raises."""
    if not isinstance(a, np.ndarray):
        raise TypeError(f"{where}: `{name}` is {type(a).__name__}, expected a NumPy array")
    if dtype is None and a.dtype not in FLOATS:
        raise TypeError(f"{where}: `{name}` is {a.dtype}, expected float32 (or float64 on the reference kernels)")
    if dtype is not None and a.dtype != dtype:
        raise TypeError(f"{where}: `{name}` is {a.dtype}, expected {np.dtype(dtype)}")
    if ndim is not None and a.ndim not in (ndim if isinstance(ndim, tuple) else (ndim,)):
        raise ValueError(f"{where}: `{name}` has {a.ndim} axes {a.shape}, expected {ndim}")
    if shape is not None and a.shape != tuple(shape):
        raise ValueError(f"{where}: `{name}` has shape {a.shape}, expected {tuple(shape)}")
    return a


def check_out(
    where: str, out: Any, shape: Shape, dtype: DTypeLike, *, elementwise: bool = False, name: str = "out", **inputs: Array | None
) -> Any:
    """Returns `out` if a result of this shape and dtype can be written to it while `inputs` are read: it shares no memory with them.

    elementwise: each value of the result depends on the values at its own place only, so that `out` may be an input itself."""
    if type(out) is not np.ndarray or out.shape != shape or out.dtype is not dtype:  # a quick test first, for speed
        check_array(where, name, out, dtype=dtype, shape=shape)
    flags = out.flags
    if not flags.writeable:
        raise ValueError(f"{where}: `{name}` is read-only")
    if not flags.c_contiguous and _overlaps_itself(out.shape, out.strides, out.itemsize):
        raise ValueError(f"{where}: `{name}` has strides {out.strides} (shape {out.shape}), expected a place of its own for each value")
    for other, a in inputs.items():
        if a is None or (elementwise and a is out):
            continue
        if _may_share_memory(out, a, SEARCH) and not (elementwise and _same_place(out, a)):
            expected = f"separate memory or `{other}` itself" if elementwise else "separate memory"
            raise ValueError(f"{where}: `{name}` overlaps `{other}`, expected {expected}")
    return out


_may_share_memory: Any = inspect.unwrap(np.may_share_memory)  # without NumPy's look-up of other array types, half of its time
SEARCH: Any = 1000  # steps of NumPy's exact search for a common byte, which is exponential; slices of one map need a few


def plainly_separate(w: Array, dw: Array, v: Array) -> bool:
    """Whether `w` and `v` can be written to while all three are read; a quick test for dense arrays, False where `check_out` must look."""
    share, w_flags, v_flags = _may_share_memory, w.flags, v.flags
    ready = w_flags.c_contiguous and w_flags.writeable and v_flags.c_contiguous and v_flags.writeable
    return ready and not (share(w, dw) or share(v, dw) or share(v, w))


@lru_cache(maxsize=1024)
def _overlaps_itself(shape: Shape, strides: Shape, itemsize: int) -> bool:
    """Whether two elements of an array share memory: an axis steps into what the axes of smaller steps span."""
    span = itemsize
    for step, n in sorted([(abs(step), n) for step, n in zip(strides, shape, strict=True) if n > 1]):
        if step < span:
            return True
        span += step * (n - 1)
    return False


def _same_place(a: Array, b: Array) -> bool:
    """Whether `a` and `b` are the same elements in the same order."""
    steps = [[step for step, n in zip(c.strides, c.shape, strict=True) if n > 1] for c in (a, b)]
    first = [c.__array_interface__["data"][0] for c in (a, b)]
    return a.shape == b.shape and steps[0] == steps[1] and first[0] == first[1]


LARGEST = 2**31 - 1  # of sizes, strides and paddings


def check_int(where: str, name: str, value: Any, minimum: int | None = None, maximum: int = LARGEST) -> int:
    """Returns `value` as an int if it is an integer (no bool) from `minimum` to `maximum`."""
    if type(value) is int and minimum is not None and minimum <= value <= maximum:  # for speed
        return value
    try:
        if isinstance(value, (bool, np.bool_)):
            raise TypeError
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{where}: `{name}` is {short(value)}, expected an integer") from None
    if minimum is not None and number < minimum:
        raise ValueError(f"{where}: `{name}` is {short(number)}, expected at least {minimum}")
    if number > maximum:
        raise ValueError(f"{where}: `{name}` is {short(number)}, expected at most {maximum}")
    return number


def _are_plain(values: tuple[Any, ...], n: int, minimum: int) -> bool:
    """Whether `values` are `n` ints in the limits of `check_int`, and of no other type that is one, such as NumPy's."""
    for value in values:
        if type(value) is not int or not minimum <= value <= LARGEST:
            return False
    return len(values) == n


def check_real(where: str, name: str, value: Any, minimum: float = -math.inf, maximum: float = math.inf) -> float:
    """Returns `value` as a float if it is a finite number from `minimum` to `maximum`."""
    if type(value) is float and math.isfinite(value) and minimum <= value <= maximum:  # for speed
        return value
    try:
        if isinstance(value, (bool, np.bool_)):
            raise TypeError
        number = float(value)
    except (TypeError, ValueError):
        raise TypeError(f"{where}: `{name}` is {short(value)}, expected a number") from None
    except OverflowError:  # an integer larger than all floats
        number = math.inf
    if not math.isfinite(number) or not minimum <= number <= maximum:
        limits = "a finite number" if minimum == -math.inf else f"a finite number from {minimum:g} to {maximum:g}"
        raise ValueError(f"{where}: `{name}` is {number}, expected {limits}")
    return number


def check_limit(where: str, name: str, value: Any) -> float:
    """Returns `value` as a float if it is a number, which may be infinite."""
    if isinstance(value, (float, np.floating)) and math.isinf(value):
        return float(value)
    return check_real(where, name, value)


def pair(where: str, name: str, value: Any, minimum: int) -> tuple[int, int]:
    """(height, width) from one integer for both or from a pair, each at least `minimum`."""
    if type(value) is tuple and _are_plain(value, 2, minimum):  # for speed
        return value[0], value[1]
    values = value if isinstance(value, (tuple, list)) else (value, value)
    if len(values) != 2:
        raise ValueError(f"{where}: `{name}` is {short(value)}, expected an integer or a pair (height, width)")
    return check_int(where, name, values[0], minimum), check_int(where, name, values[1], minimum)


def sides(where: str, name: str, value: Any) -> tuple[int, int, int, int]:
    """(top, left, bottom, right) from one integer for all, a pair (vertical, horizontal), or all four, each at least 0."""
    if type(value) is tuple and _are_plain(value, 2, 0):  # for speed
        return value[0], value[1], value[0], value[1]
    values = value if isinstance(value, (tuple, list)) else (value, value)
    if len(values) not in (2, 4):
        expected = "an integer, a pair (vertical, horizontal), or (top, left, bottom, right)"
        raise ValueError(f"{where}: `{name}` is {short(value)}, expected {expected}")
    top, left, bottom, right = (check_int(where, name, v, 0) for v in (*values, *values)[:4])
    return top, left, bottom, right


def as_pair(four: tuple[int, int, int, int]) -> tuple[int, ...]:
    """(vertical, horizontal) where opposite sides are equal, else all four."""
    return four[:2] if four[:2] == four[2:] else four


def check_shape(where: str, name: str, shape: Any, ndim: int) -> Shape:
    """Returns `shape` as a tuple if it is `ndim` integers of at least 0."""
    if not isinstance(shape, (tuple, list)) or len(shape) != ndim:
        raise TypeError(f"{where}: `{name}` is {short(shape)}, expected a tuple of {ndim} integers")
    if type(shape) is tuple and ndim and _are_plain(shape, ndim, 0):  # for speed
        return shape
    return tuple(check_int(where, name, n, 0) for n in shape)


def output_size(
    where: str, axis: str, size: int, kernel: int, stride: int, before: int, after: int, ceil_mode: bool = False
) -> int:
    """The number of windows of `kernel` pixels, `stride` apart, along an axis of `size` pixels with padding `before` and `after` it.

    Rounded down, or up in ceil mode, where the last window may extend over the end but starts before it (Caffe, PyTorch); so a map
    that the window exceeds by less than the stride has one window."""
    room = size + before + after - kernel + (stride - 1 if ceil_mode else 0)
    if room < 0:
        by_less = f", in ceil mode by the stride {stride} or more" if ceil_mode else ""
        padding = f"{before} at both ends" if before == after else f"{before} before and {after} after it"
        raise ValueError(f"{where}: the window's {axis} {kernel} exceeds the map's {size} plus padding {padding}{by_less}")
    n = room // stride + 1
    if ceil_mode and (n - 1) * stride >= size + before:
        n -= 1
    return n


def check_labels(where: str, labels: Any, n: int, classes: int, *, name: str = "labels") -> IntArray:
    """Returns `labels` as int64 [n] if each is a class number from 0 to `classes` - 1."""
    labels = np.asarray(labels)
    if labels.dtype.kind not in "iu":
        raise TypeError(f"{where}: `{name}` is {labels.dtype}, expected integers")
    if labels.shape != (n,):
        raise ValueError(f"{where}: `{name}` has shape {labels.shape}, expected {(n,)}, one for each row of the logits")
    if n and not (labels.min() >= 0 and labels.max() < classes):
        raise ValueError(f"{where}: `{name}` go from {labels.min()} to {labels.max()}, expected 0 to {classes - 1}")
    return np.ascontiguousarray(labels, dtype=np.int64)


def check_choice(where: str, name: str, value: Any, choices: Sequence[str]) -> str:
    """Returns `value` if it is one of `choices`."""
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{where}: `{name}` is {short(value)}, expected one of {', '.join(choices)}")
    return value


def check_bool(where: str, name: str, value: object, hint: str = "") -> bool:
    """Returns `value` as a bool if it is True or False; `hint` ends the message if it is not."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{where}: `{name}` is {short(value)}, expected True or False{hint}")
    return bool(value)
