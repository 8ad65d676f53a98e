"""Stopping on request, after the step in progress."""

import signal
from collections.abc import Callable
from types import FrameType
from typing import Any, Self


class StopRequests:
    """Within a with-block, the first Ctrl-C or SIGTERM only sets `signal` to its number; a second one has its usual effect at once.

    at_once: called at the first one, between two instructions of Python. Outside the main thread, where Python delivers no signals, it
    does nothing. mpiexec passes SIGUSR1 on, and leaves the processes time; after SIGTERM it kills them within .3 s."""

    def __init__(self, several: bool = False) -> None:
        self.SIGNALS = (signal.SIGINT, signal.SIGTERM, *([signal.SIGUSR1] if several else []))
        self.at_once: Callable[[], None] = lambda: None

    def __enter__(self) -> Self:
        self.signal: int | None = None
        self.before: dict[signal.Signals, Any] = {}
        try:
            for number in self.SIGNALS:
                self.before[number] = signal.signal(number, self._remember)
        except ValueError:  # not the main thread
            self.before = {}
        return self

    def _remember(self, number: int, frame: FrameType | None) -> None:
        self.signal = number
        self._restore()
        self.at_once()

    def _restore(self) -> None:
        for number, handler in self.before.items():
            signal.signal(number, handler)

    def __exit__(self, *error: object) -> None:
        self._restore()
