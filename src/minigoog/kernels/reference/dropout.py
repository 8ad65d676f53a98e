"""Dropout with random numbers that are a function of (seed, position), so that the mask is not kept."""

import numpy as np
from numpy.typing import NDArray

from ...array_types import Array
from ...checks import check_array, check_int, check_real

ROUNDS = 10
MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
WEYL = (0x9E3779B9, 0xBB67AE85)
LOW = 0xFFFFFFFF


def philox(seed: int, counters: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Philox4x32-10 of each 64-bit counter: uint64 [len, 4], four 32-bit random words each. (Salmon et al., SC 2011)"""
    c = [counters & np.uint64(LOW), counters >> np.uint64(32), np.zeros_like(counters), np.zeros_like(counters)]
    k = [seed & LOW, seed >> 32 & LOW]
    for _ in range(ROUNDS):
        p0, p1 = c[0] * np.uint64(MULTIPLIERS[0]), c[2] * np.uint64(MULTIPLIERS[1])
        c = [
            (p1 >> np.uint64(32)) ^ c[1] ^ np.uint64(k[0]),
            p1 & np.uint64(LOW),
            (p0 >> np.uint64(32)) ^ c[3] ^ np.uint64(k[1]),
            p0 & np.uint64(LOW),
        ]
        k = [(k[0] + WEYL[0]) & LOW, (k[1] + WEYL[1]) & LOW]
    return np.stack(c, axis=1)


def random_words(seed: int, offset: int, n: int) -> NDArray[np.uint64]:
    """Numbers offset .. offset + n - 1 of the stream `seed`, 32 random bits each (uint64 [n])."""
    first = offset // 4
    blocks = np.arange(first, (offset + n + 3) // 4, dtype=np.uint64)
    return philox(seed, blocks).reshape(-1)[offset - 4 * first :][:n]


def check_dropout(x: Array, p: float, seed: int, offset: int) -> float:
    """Checks the arguments of dropout for both kinds of kernels; returns p as a float below 1."""
    p = check_real("dropout", "p", p, 0, 1)
    if p == 1:
        raise ValueError("dropout: `p` is 1, expected a number below 1: nothing would be left")
    check_int("dropout", "seed", seed, 0, 2**64 - 1)
    check_int("dropout", "offset", offset, 0, 2**64 - 1 - x.size)
    return p


def threshold(p: float) -> int:
    """The 32-bit number below which a random word means "drop", for probability `p`."""
    return min(round(p * 2**32), 2**32 - 1)


def dropout(x: Array, p: float, *, seed: int, offset: int) -> Array:
    """`x` with each number dropped (0) with probability `p` < 1 and the others divided by 1 - p; it is its own gradient.

    The mask is a function of `seed`, `offset` and the position alone. (Srivastava et al. 2014, "inverted")"""
    check_array("dropout", "x", x)
    p = check_dropout(x, p, seed, offset)
    keep = random_words(seed, offset, x.size).reshape(x.shape) >= np.uint64(threshold(p))
    return np.where(keep, x * x.dtype.type(1 / (1 - p)), x.dtype.type(0))
