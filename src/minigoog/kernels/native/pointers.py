"""From a NumPy array to a pointer: the last checks before C, which has none in release builds."""

from typing import Any, TypeAlias

import numpy as np

from minigoog._native import ffi

from ...array_types import Array
from ...checks import FLOATS

Pointer: TypeAlias = Any  # of cffi
NULL: Pointer = ffi.NULL


def check_float32(where: str, name: str, a: Any) -> None:
    """Raises unless the array is float32, the only type of the C kernels."""
    if not isinstance(a, np.ndarray):
        raise TypeError(f"{where}: `{name}` is {type(a).__name__}, expected a NumPy array")
    if a.dtype != FLOATS[0]:
        raise TypeError(
            f"{where}: `{name}` is {a.dtype}, expected float32 (the C kernels compute in float32; "
            f"minigoog.kernels.use('reference') computes in any float type)"
        )


def check_aligned(where: str, name: str, a: Any) -> None:
    """Raises unless the array is aligned to its element size, as C requires."""
    if not a.flags.aligned:
        raise ValueError(f"{where}: `{name}` is not aligned to {a.itemsize} bytes, expected a copy: {name}.copy()")


def check_dense(where: str, name: str, a: Any) -> None:
    """Raises unless the array is C-contiguous and aligned."""
    flags = a.flags
    if flags.c_contiguous and flags.aligned:  # for speed
        return
    check_aligned(where, name, a)
    if not flags.c_contiguous:
        raise ValueError(f"{where}: `{name}` has strides {a.strides} (shape {a.shape}), "
                         f"expected a dense array: np.ascontiguousarray({name})")


def dense(where: str, name: str, a: Any, ctype: str = "float[]") -> Pointer:
    """Pointer to a C-contiguous array."""
    flags = a.flags
    if not (flags.c_contiguous and flags.aligned):  # for speed: the check again
        check_dense(where, name, a)
    return ffi.from_buffer(ctype, a)


def pixels(where: str, name: str, a: Array) -> tuple[Pointer, int]:
    """(pointer, leading dimension) of a map [..., c]: a dense one, or a slice of the channels of a dense one."""
    flags = a.flags
    if flags.c_contiguous and flags.aligned:  # for speed
        return ffi.from_buffer("float[]", a), a.shape[-1]
    check_aligned(where, name, a)
    ld = _leading_dimension(a)
    if ld is None:
        raise ValueError(
            f"{where}: `{name}` has strides {a.strides} (shape {a.shape}), expected neighbouring channels side by side and pixels "
            f"evenly spaced, as in a dense map or a slice of its channels: np.ascontiguousarray({name})"
        )
    return ffi.cast("float *", a.__array_interface__["data"][0]), ld  # a.ctypes.data is the same, but several times slower


def check_pixels(where: str, name: str, a: Array) -> None:
    """What `pixels` checks, for kernels that call others, so that the error names the one that was called."""
    if not (a.flags.c_contiguous and a.flags.aligned):
        pixels(where, name, a)


def _leading_dimension(a: Array) -> int | None:
    """Floats from one pixel of a [..., c] to the next, or None if they are not evenly spaced."""
    c: int = a.shape[-1]
    if _is_slice(a):  # for speed
        return int(a.strides[2] // a.itemsize)
    if c > 1 and a.strides[-1] != a.itemsize:
        return None
    step: int | None = None
    expected = 0
    for n, stride in zip(a.shape[-2::-1], a.strides[-2::-1], strict=True):  # from the innermost axis of pixels outwards
        if n == 1:
            continue
        if step is None:
            step = expected = stride
        if stride != expected:
            return None
        expected *= n
    if step is None:
        return c
    return int(step // a.itemsize) if step % a.itemsize == 0 and step >= c * a.itemsize else None


def _is_slice(a: Array) -> bool:
    """Whether `a` is plainly a slice of the channels of a dense map with four axes; it may be another one if this is False."""
    if a.ndim != 4:
        return False
    (_, h, w, c), (per_image, per_row, per_pixel, per_channel), size = a.shape, a.strides, a.itemsize
    return per_channel == size and per_row == w * per_pixel and per_image == h * per_row and per_pixel % size == 0 and per_pixel >= c * size


def rows(where: str, name: str, a: Array) -> Array:
    """A map [..., c] as a matrix with a row for each pixel: a view, even if the pixels are not contiguous."""
    step = pixels(where, name, a)[1]
    n = a.size // a.shape[-1] if a.shape[-1] else 0
    return np.lib.stride_tricks.as_strided(a, (n, a.shape[-1]), (step * a.itemsize, a.itemsize))
