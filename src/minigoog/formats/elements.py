"""Types of elements that files store, by the names of the safetensors format, and their values in NumPy.

NumPy has no BF16 and no floats of 8 bits: they are read as float32, which holds each of their values exactly."""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

CODES = {  # of the bytes in a file
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1",
    "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "u1", "BOOL": "?", "C64": "<c8", "BF16": "<u2",
    "F8_E4M3": "u1", "F8_E5M2": "u1", "F8_E8M0": "u1", "F8_E4M3FNUZ": "u1", "F8_E5M2FNUZ": "u1",
}  # fmt: skip


def values(bits: NDArray[Any], kind: str) -> NDArray[Any]:
    """The values of an array of `CODES[kind]`: itself where NumPy has the type, else float32."""
    if kind == "BF16":  # the upper half of a float32
        wide = bits.astype(np.uint32)
        wide <<= 16
        return wide.view(np.float32)
    return _table(kind)[bits] if kind in EIGHT_BITS else bits


@cache
def _table(kind: str) -> NDArray[np.float32]:
    """The value of each of the 256 bytes."""
    found = np.array([EIGHT_BITS[kind](byte) for byte in range(256)], np.float32)
    found.flags.writeable = False
    return found


def _float(byte: int, mantissa: int, bias: int) -> float:
    """A sign, an exponent with this bias, and a mantissa of so many bits; exponent 0: subnormal."""
    exponent, fraction = byte >> mantissa & (1 << 7 - mantissa) - 1, byte & (1 << mantissa) - 1
    whole = fraction + (1 << mantissa if exponent else 0)
    return (-1.0 if byte & 0x80 else 1.0) * whole * 2.0 ** (max(exponent, 1) - bias - mantissa)


def _ieee(byte: int) -> float:
    """E5M2, where an exponent of ones is infinity or no number."""
    return _float(byte, 2, 15) if byte & 0x7C != 0x7C else np.nan if byte & 3 else -np.inf if byte & 0x80 else np.inf


# Micikevicius et al., "FP8 formats for deep learning" (arXiv 2209.05433): E5M2, and E4M3 without infinities. FNUZ: one zero, its
# negative is no number. E8M0: a power of two (Open Compute Project, Microscaling Formats 1.0).
EIGHT_BITS: dict[str, Callable[[int], float]] = {
    "F8_E4M3": lambda byte: np.nan if byte & 0x7F == 0x7F else _float(byte, 3, 7),
    "F8_E5M2": _ieee,
    "F8_E8M0": lambda byte: np.nan if byte == 0xFF else 2.0 ** (byte - 127),
    "F8_E4M3FNUZ": lambda byte: np.nan if byte == 0x80 else _float(byte, 3, 8),
    "F8_E5M2FNUZ": lambda byte: np.nan if byte == 0x80 else _float(byte, 2, 16),
}
