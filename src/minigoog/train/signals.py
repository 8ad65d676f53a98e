"""Stopping when asked to, at the next good moment."""

import signal


class StopRequests:
    """Within a with-block, the first Ctrl-C or SIGTERM only sets `signal` to its number; a second one acts at once, as without this.

    Outside the main thread, where Python delivers no signals, it does nothing."""

    SIGNALS = (signal.SIGINT, signal.SIGTERM)

    def __enter__(self):
        self.signal, self.before = None, {}
        try:
            for number in self.SIGNALS:
                self.before[number] = signal.signal(number, self._remember)
        except ValueError:  # not the main thread
            self.before = {}
        return self

    def _remember(self, number, frame):
        self.signal = number
        self._restore()

    def _restore(self):
        for number, handler in self.before.items():
            signal.signal(number, handler)

    def __exit__(self, *error):
        self._restore()
