"""A contest between functions of one process; harness.py holds the contests between processes."""

import time
from statistics import median

import numpy as np

PAUSE = 0.03  # seconds; threads of BLAS and of OpenMP spin for some milliseconds after a run, and slow whoever comes next
TURN = 2e-3  # seconds that a turn lasts at least, in as many calls as that takes


class WrongAnswer(ValueError):
    """A contestant computes something else: there is nothing to compare."""


def error(name, y, judge, bound):
    """Largest difference of `y` to the float64 `judge`, relative to its largest value; raises WrongAnswer from `bound` on."""
    if np.shape(y) != judge.shape:
        raise WrongAnswer(f"{name}: its result has shape {np.shape(y)}, expected {judge.shape}: a wrong answer is not timed")
    largest = max(np.abs(judge).max(), np.finfo(float).tiny)  # a ReLU may leave nothing but zeros
    difference = float(np.abs(y - judge).max() / largest)
    if not difference < bound:
        raise WrongAnswer(f"{name}: its result differs by {difference:.2g} of the largest value: a wrong answer is not timed")
    return difference


def take_turns(runs, rounds):
    """{name: median milliseconds of a call} of the functions {name: run}, which take `rounds` turns in rotation."""
    calls = {name: max(1, min(200, int(TURN / seconds(run, 1)))) for name, run in runs.items()}
    times = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            time.sleep(PAUSE)
            run()  # what the others have thrown out of the caches comes back untimed
            times[name].append(seconds(run, calls[name]))
    return {name: median(values) * 1e3 for name, values in times.items()}


def seconds(run, calls):
    """The mean time of a call."""
    start = time.perf_counter()
    for _ in range(calls):
        run()
    return (time.perf_counter() - start) / calls
