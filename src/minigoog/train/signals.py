"""Stopping on request, after the step in progress."""

import signal
from types import FrameType
from typing import Any, Self


class StopRequests:
    """Within a with-block, the first Ctrl-C or SIGTERM only sets `signal` to its number; a second one has its usual effect at once.

    Outside the main thread, where Python delivers no signals, it does nothing."""

    SIGNALS = (signal.SIGINT, signal.SIGTERM)

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

    def _restore(self) -> None:
        for number, handler in self.before.items():
            signal.signal(number, handler)

    def __exit__(self, *error: object) -> None:
        self._restore()
