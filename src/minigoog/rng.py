"""The only source of random numbers: a seed, from which initialisation draws numbers and dropout takes counters.

There is one stream for the whole process, like PyTorch's default generator. Any thread may draw from it, and no two calls get the
same numbers, but which thread gets which numbers depends on timing. Results are repeatable if one thread at a time draws.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from .checks import check_int
from .locks import new_lock

_state: dict[str, Any] = {"generator": None, "seed": 0, "counter": 0}  # None: made when numbers are drawn, as np.random is slow to import
_lock = new_lock()


def manual_seed(seed: int) -> None:
    """Seeds all random numbers with `seed`, an integer from 0 to 2^64 - 1: the same seed gives the same network, bit for bit."""
    seed = check_int("manual_seed", "seed", seed, 0, 2**64 - 1)
    with _lock:
        _state.update(generator=None, seed=seed, counter=0)


def generator() -> "np.random.Generator":
    """The NumPy generator that initialisation and shuffling draw from."""
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
    generator = np.random.default_rng()
    generator.bit_generator.state = state["generator"]
    with _lock:
        _state.update(generator=generator, seed=state["seed"], counter=state["counter"])


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
