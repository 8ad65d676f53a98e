"""A contest between functions of one process, on several threads; harness.py holds the contests between processes."""

import time
from collections.abc import Callable, Iterable
from statistics import median

from timing import PAUSE, warm_up

from minigoog.sparsity.speed.turns import Key, Run, calls_in_a_turn, seconds, take_turns


def milliseconds(runs: dict[Key, Run], rounds: int, summary: Callable[[Iterable[float]], float] = median) -> dict[Key, float]:
    """{name: milliseconds of a call} of the functions {name: run}, which take `rounds` turns in rotation: their median, or their min."""
    times = take_turns({name: _turn(run) for name, run in runs.items()}, rounds)
    return {name: summary(values) * 1e3 for name, values in times.items()}


def _turn(run: Run) -> Callable[[], float]:
    """A turn of `run`: a pause, untimed runs, then the timed runs."""
    calls = calls_in_a_turn(seconds(run))

    def turn() -> float:
        time.sleep(PAUSE)
        warm_up(run)
        return seconds(run, calls)

    return turn
