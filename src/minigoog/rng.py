"""The one source of randomness: a seed, from which initialisation draws numbers and dropout takes counters."""

from contextlib import contextmanager

import numpy as np

from .checks import check_int

_state = {"generator": np.random.default_rng(0), "seed": 0, "counter": 0}


def manual_seed(seed):
    """Restarts all random numbers from `seed` (a whole number from 0 to 2^64 - 1): the same seed gives the same network, bit for bit."""
    seed = check_int("manual_seed", "seed", seed, 0, 2**64 - 1)
    _state.update(generator=np.random.default_rng(seed), seed=seed, counter=0)


def generator():
    """The NumPy generator that initialisation and shuffling draw from."""
    return _state["generator"]


def take(n):
    """(seed, offset) of the next `n` numbers of the counter-based stream that dropout reads; nobody else gets these."""
    offset = _state["counter"]
    _state["counter"] = offset + -(-n // 4) * 4  # whole blocks of Philox, so that no two calls share one
    return _state["seed"], offset


def state():
    """The state of all random numbers, of types that JSON has: `set_state` goes on from there."""
    return {"generator": _state["generator"].bit_generator.state, "seed": _state["seed"], "counter": _state["counter"]}


def set_state(state):
    """Goes on from where `state()` was called."""
    generator = np.random.default_rng()
    generator.bit_generator.state = state["generator"]
    _state.update(generator=generator, seed=state["seed"], counter=state["counter"])


@contextmanager
def undisturbed():
    """Within a with-block, numbers may be taken; afterwards the next ones are those that would have come without it."""
    before, generator_before = dict(_state), _state["generator"].bit_generator.state
    try:
        yield
    finally:
        _state.update(before)
        _state["generator"].bit_generator.state = generator_before
