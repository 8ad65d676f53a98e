"""A contest between functions of one process; harness.py holds the contests between processes."""

import time
from statistics import median

import numpy as np

PAUSE = 0.03  # seconds; threads of BLAS and of OpenMP spin for some milliseconds after a run, and slow whoever comes next
# Seconds of untimed runs before each turn. After a pause Linux may wake all threads on one core and moves them after up to 20 ms:
# 231 GFLOP/s when 5 ms were warmed up, 513 after 20 ms (3b.branch1x1, 2 threads);
# after BLAS it has taken more than 30 ms. Caches are filled again by then, too.
WARM_UP = 0.08
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


def take_turns(runs, rounds, summary=median):
    """{name: milliseconds of a call} of the functions {name: run}, which take `rounds` turns in rotation: their median, or their min."""
    calls = {name: max(1, min(200, int(TURN / seconds(run, 1)))) for name, run in runs.items()}
    times = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            time.sleep(PAUSE)
            warm_up(run)
            times[name].append(seconds(run, calls[name]))
    return {name: summary(values) * 1e3 for name, values in times.items()}


def warm_up(run):
    """Runs until threads and caches are where they are while the program is at work."""
    end = time.perf_counter() + WARM_UP
    run()
    while time.perf_counter() < end:
        run()


def seconds(run, calls):
    """The mean time of a call."""
    start = time.perf_counter()
    for _ in range(calls):
        run()
    return (time.perf_counter() - start) / calls
