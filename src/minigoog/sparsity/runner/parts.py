"""Parts of a long experiment, shared out among all processes that work in the same folder."""

import time
from pathlib import Path

from ...files import locked
from ...text import duration

WAIT = 0.5  # seconds between looks for parts that other processes compute


def work_through(setting, parts):
    """The numbers of `parts`, {name: function that computes them}, by name.

    Each part is computed once, by whichever process comes first, and kept (`Setting.once`). A part that another process is at is left
    to it and taken over if that process dies. Progress and the time left, at the present speed of all of them, are told."""
    done, clock = {}, _Clock(setting, parts)
    Path(setting.folder).mkdir(parents=True, exist_ok=True)
    while len(done) < len(parts):
        before = len(done)
        for name, compute in parts.items():
            if name not in done and (_exists(setting, name) or _take(setting, name, compute, clock)):
                done[name] = setting.once(name, compute)
        if len(done) == before:
            time.sleep(WAIT)
    return done


def _exists(setting, name):
    return (Path(setting.folder) / f"{name}.json").exists()


def _take(setting, name, compute, clock):
    """Whether this process computed the part; False if another one is at it."""
    with locked(Path(setting.folder) / f".{name}.lock") as ours:
        if ours and not _exists(setting, name):
            clock.say(name)
            setting.once(name, compute)
        return ours


class _Clock:
    """How far all processes are, and how long they still need."""

    def __init__(self, setting, parts):
        self.setting, self.parts = setting, parts
        self.began, self.before = time.monotonic(), self._count()

    def _count(self):
        return sum(_exists(self.setting, name) for name in self.parts)

    def say(self, name):
        """Tells which part begins now."""
        count = self._count()
        new, seconds = count - self.before, time.monotonic() - self.began
        left = f", {duration((len(self.parts) - count) * seconds / new)} left" if new else ""
        self.setting.say(f"part {count + 1} of {len(self.parts)}: {name}{left}")
