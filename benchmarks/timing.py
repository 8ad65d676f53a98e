"""Pauses and warm-up of a turn. Worker processes of other libraries use this, so it must not import minigoog."""

import time
from collections.abc import Callable

PAUSE = 0.03  # seconds; threads of BLAS and of OpenMP spin for some milliseconds after a run, and slow the next contestant
# Seconds of untimed runs before each turn. After a pause Linux may wake all threads on one core and moves them after up to 20 ms:
# 231 GFLOP/s when 5 ms were warmed up, 513 after 20 ms (3b.branch1x1, 2 threads);
# after BLAS it took more than 30 ms. By then the caches are filled again, too.
WARM_UP = 0.08


def warm_up(run: Callable[[], object]) -> None:
    """Runs until threads and caches are in a steady state."""
    end = time.perf_counter() + WARM_UP
    run()
    while time.perf_counter() < end:
        run()
