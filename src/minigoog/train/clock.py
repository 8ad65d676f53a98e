"""The seconds of an epoch."""

import time

from .progress import Progress


class Clock:
    """Counts the seconds of an epoch, and those since the last checkpoint."""

    def __init__(self, at: Progress) -> None:
        self.at = at
        self.began = self.last_save = time.perf_counter()
        self.before, self.waited_before = at.epoch_seconds, at.epoch_waited

    def tick(self, waited: float) -> None:
        """Adds the seconds so far to the progress."""
        self.at.epoch_seconds = self.before + time.perf_counter() - self.began
        self.at.epoch_waited = self.waited_before + waited

    def since_save(self) -> float:
        """Seconds since the last checkpoint, or since the start."""
        return time.perf_counter() - self.last_save

    def saved(self) -> None:
        """Called when a checkpoint was written."""
        self.last_save = time.perf_counter()
