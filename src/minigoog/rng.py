"""The only source of random numbers: a seed, from which initialisation draws numbers and dropout takes counters.

There is one stream for the whole process, like PyTorch's default generator. Any thread may draw from it, and no two calls get the
same numbers, but which thread gets which numbers depends on timing. Results are repeatable if one thread at a time draws.
"""

import math
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, cast

import numpy as np
from numpy.typing import DTypeLike

from .array_types import Array, Shape
from .checks import check_int
from .locks import after_fork, new_lock
from .modes import Mode
from .text import short


class _Stream:
    """Where a stream of random numbers is. generator: None until numbers are drawn from it, as np.random is slow to import."""

    def __init__(self, seed: int = 0, counter: int = 0, generator: "np.random.Generator | None" = None) -> None:
        self.seed, self.counter, self.generator = seed, counter, generator

    def copy(self) -> "_Stream":
        generator = None if self.generator is None else _generator_at(self.generator.bit_generator.state)
        return _Stream(self.seed, self.counter, generator)


def _generator_at(state: Any) -> "np.random.Generator":
    generator = np.random.default_rng(0)
    generator.bit_generator.state = state
    return generator


_stream = Mode("minigoog_random_numbers", _Stream())
_lock = new_lock()


def manual_seed(seed: int) -> None:
    """Seeds all random numbers with `seed`, an integer from 0 to 2^64 - 1: the same seed gives the same network, bit for bit."""
    seed = check_int("manual_seed", "seed", seed, 0, 2**64 - 1)
    with _lock:
        vars(_stream.get()).update(vars(_Stream(seed)))


def generator() -> "np.random.Generator":
    """The NumPy generator that initialisation and shuffling draw from."""
    if (zeros := _zeros.get()) is not None:
        return cast("np.random.Generator", zeros)
    stream = _stream.get()
    with _lock:
        if stream.generator is None:
            stream.generator = np.random.default_rng(stream.seed)
        return stream.generator


def take(n: int) -> tuple[int, int]:
    """(seed, offset) of the next `n` numbers of the counter-based stream that dropout reads; no other call gets these."""
    if (samples := _samples.get()) is not None:
        return samples.take(n)
    stream = _stream.get()
    with _lock:
        offset = stream.counter
        stream.counter = offset + -(-n // 4) * 4  # whole blocks of Philox, so that no two calls share one
        return stream.seed, offset


def state() -> dict[str, Any]:
    """The state of all random numbers, as JSON-compatible types: `set_state` resumes from there."""
    stream = _stream.get()
    with _lock:
        return {"generator": generator().bit_generator.state, "seed": stream.seed, "counter": stream.counter}


def set_state(state: dict[str, Any]) -> None:
    """Resumes from where `state()` was called."""
    if not isinstance(state, Mapping):
        raise TypeError(f"set_state: `state` is {short(state)}, expected a dict")
    if missing := next((name for name in ("seed", "counter", "generator") if name not in state), None):
        raise ValueError(f"set_state: `state` has no `{missing}`")
    seed, counter = (check_int("set_state", name, state[name], 0, 2**64 - 1) for name in ("seed", "counter"))
    try:
        generator = _generator_at(state["generator"])
    except (KeyError, TypeError, ValueError):
        raise ValueError(f"set_state: `generator` is {short(state['generator'])}, expected the state of NumPy's PCG64") from None
    found = _Stream(seed, counter, generator)
    with _lock:
        vars(_stream.get()).update(vars(found))


def undisturbed() -> AbstractContextManager[None]:
    """Within a with-block, numbers come from a copy of the stream, in this thread (or asynchronous task) only; afterwards the stream is
    where it was."""
    with _lock:
        return _stream.within(_stream.get().copy())


def _renew_generators() -> None:
    """In the child of a fork: a generator has a lock, which a thread that was drawing would never release."""
    for stream in _stream.all():
        vars(stream).update(vars(stream.copy()))


after_fork(_renew_generators)


class _Samples:
    """Counters of samples: the k-th call gets numbers of stream k, at the places of the samples `first` to `first + rows - 1`."""

    def __init__(self, key: tuple[int, ...], first: int, rows: int) -> None:
        self.key, self.first, self.rows, self.calls = key, first, rows, 0

    def take(self, n: int) -> tuple[int, int]:
        self.calls += 1
        seed = np.random.SeedSequence([*self.key, self.calls]).generate_state(1, np.uint64)[0]
        return int(seed), self.first * (n // self.rows)


_samples: Mode[_Samples | None] = Mode("minigoog_samples", None)


def of_samples(key: tuple[int, ...], first: int, rows: int) -> AbstractContextManager[None]:
    """Within a with-block, in this thread only, dropout of a batch with the samples `first`, `first + 1`, ..., `rows` of them, depends on
    `key` and a sample's number alone: not on the other samples of its batch, nor on what was drawn before."""
    return _samples.within(_Samples(key, first, rows))


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


_zeros: Mode[_Zeros | None] = Mode("minigoog_zeros", None)


def zeros(most: int) -> AbstractContextManager[None]:
    """Within a with-block, in this thread only, initial weights are zeros, to be replaced later; ValueError for more than `most`."""
    return _zeros.within(_Zeros(most))
