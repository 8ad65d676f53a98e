"""Contestants take turns, and wrong answers are not timed. The benchmarks also use this, with more threads and medians."""

import time
from collections.abc import Callable, Hashable
from typing import Any, TypeAlias, TypeVar

import numpy as np

from ...array_types import Array

BOUND = 1e-4  # relative to the largest value: far above rounding, far below any mistake
TURN = 2e-3  # shortest length of a turn in seconds; it makes as many calls as needed
MOST_CALLS = 200  # in a turn

Run: TypeAlias = Callable[[], Any]
Key = TypeVar("Key", bound=Hashable)


class WrongAnswer(ValueError):
    """A contestant's result is wrong, so its time is meaningless."""


def check_answer(name: str, y: Array, judge: Array, bound: float = BOUND) -> float:
    """The largest difference of `y` to the float64 `judge`, relative to its largest value; raises WrongAnswer from `bound` on."""
    if np.shape(y) != judge.shape:
        raise WrongAnswer(f"{name}: its result has shape {np.shape(y)}, expected {judge.shape}: a wrong answer is not timed")
    largest = max(np.abs(judge).max(), np.finfo(float).tiny)  # after a ReLU all values may be 0
    difference = float(np.abs(y - judge).max() / largest)
    if not difference < bound:
        raise WrongAnswer(f"{name}: its result differs by {difference:.2g} of the largest value: a wrong answer is not timed")
    return difference


def take_turns(contestants: dict[Key, Callable[[], float]], rounds: int) -> dict[Key, list[float]]:
    """{name: what each of its turns returned}: every contestant takes one turn a round, and each round starts with the next one."""
    names = list(contestants)
    found: dict[Key, list[float]] = {name: [] for name in names}
    for i in range(rounds):
        first = i % max(len(names), 1)
        for name in names[first:] + names[:first]:
            found[name].append(contestants[name]())
    return found


def seconds(run: Run, calls: int = 1) -> float:
    """The mean time of a call."""
    start = time.perf_counter()
    for _ in range(calls):
        run()
    return (time.perf_counter() - start) / calls


def calls_in_a_turn(call: float) -> int:
    """How many calls make a turn, if each takes `call` seconds."""
    return max(1, min(MOST_CALLS, int(TURN / call)))
