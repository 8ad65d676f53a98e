"""The only source of random numbers: a seed, from which initialisation draws numbers and dropout takes counters.

There is one stream for the whole process, like PyTorch's default generator. Any thread may draw from it, and no two calls get the
same numbers, but which thread gets which numbers depends on timing. Results are repeatable if one thread at a time draws.
"""

import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, cast

import numpy as np
from numpy.typing import DTypeLike

from .array_types import Array, Shape
from .checks import check_int

_state: dict[str, Any] = {"generator": None, "seed": 0, "counter": 0}  # None: made when numbers are drawn, as np.random is slow to import
_lock = threading.RLock()


def manual_seed(seed: int) -> None:
    """Seeds all random numbers with `seed`, an integer from 0 to 2^64 - 1: the same seed gives the same network, bit for bit."""
    seed = check_int("manual_seed", "seed", seed, 0, 2**64 - 1)
    with _lock:
        _state.update(generator=None, seed=seed, counter=0)


def generator() -> "np.random.Generator":
    """The NumPy generator that initialisation and shuffling draw from."""
    if (zeros := _zeros.get()) is not None:
        return cast("np.random.Generator", zeros)
    with _lock:
        if _state["generator"] is None:
            _state["generator"] = np.random.default_rng(_state["seed"])
        found: np.random.Generator = _state["generator"]
    return found


def take(n: int) -> tuple[int, int]:
    """(seed, offset) of the next `n` numbers of the counter-based stream that dropout reads; no other call gets these."""
    with _lock:
        offset = _state["counter"]
        _state["counter"] = offset + -(-n // 4) * 4  # whole blocks of Philox, so that no two calls share one
        return _state["seed"], offset


def state() -> dict[str, Any]:
    """The state of all random numbers, as JSON-compatible types: `set_state` resumes from there."""
    with _lock:
        return {"generator": generator().bit_generator.state, "seed": _state["seed"], "counter": _state["counter"]}


def set_state(state: dict[str, Any]) -> None:
    """Resumes from where `state()` was called."""
    seed, counter = (check_int("set_state", name, state[name], 0, 2**64 - 1) for name in ("seed", "counter"))
    generator = np.random.default_rng()
    generator.bit_generator.state = state["generator"]
    with _lock:
        _state.update(generator=generator, seed=seed, counter=counter)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Within a with-block, numbers may be drawn; afterwards the state is restored."""
    generator_before, before = generator().bit_generator.state, dict(_state)
    try:
        yield
    finally:
        with _lock:
            _state.update(before)
        _state["generator"].bit_generator.state = generator_before


class _Zeros:
    """In place of a generator: draws zeros, `left` of them."""

    def __init__(self, left: int) -> None:
        self.left = left

    def standard_normal(self, shape: Shape, dtype: DTypeLike = np.float64) -> Array:
        self.left -= math.prod(shape)
        if self.left < 0:
            raise ValueError(f"weights of shape {shape} are more than its file has")
        return np.zeros(shape, dtype)

    def uniform(self, low: float, high: float, shape: Shape) -> Array:
        return self.standard_normal(shape)


_zeros: ContextVar[_Zeros | None] = ContextVar("_zeros", default=None)


@contextmanager
def zeros(most: int) -> Iterator[None]:
    """Within a with-block, in this thread only, initial weights are zeros, to be replaced later; ValueError for more than `most`."""
    token = _zeros.set(_Zeros(most))
    try:
        yield
    finally:
        _zeros.reset(token)
