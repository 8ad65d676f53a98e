"""Parts of a long experiment, divided among all processes that work in the same folder."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from ...files import locked
from ...text import duration
from .demonstration import Numbers, Setting

Compute: TypeAlias = Callable[[], Numbers]

WAIT = 0.5  # seconds between checks for parts that other processes compute


def work_through(setting: Setting, parts: dict[str, Compute]) -> dict[str, Numbers]:
    """The numbers of `parts`, {name: function that computes them}, by name.

    Each part is computed once, by the first process that reaches it, and stored (`Setting.once`). A part that another process is
    computing is skipped, and taken over if that process dies. Reports progress and the time left at the current speed of all."""
    done: dict[str, Numbers] = {}
    clock = _Clock(setting, parts)
    Path(setting.folder).mkdir(parents=True, exist_ok=True)
    while len(done) < len(parts):
        before = len(done)
        for name, compute in parts.items():
            if name not in done and (_exists(setting, name) or _take(setting, name, compute, clock)):
                done[name] = setting.once(name, compute)
        if len(done) == before:
            time.sleep(WAIT)
    return done


def _exists(setting: Setting, name: str) -> bool:
    return (Path(setting.folder) / f"{name}.json").exists()


def _take(setting: Setting, name: str, compute: Compute, clock: "_Clock") -> bool:
    """Whether this process computed the part; False if another process is computing it."""
    with locked(Path(setting.folder) / f".{name}.lock") as ours:
        if ours and not _exists(setting, name):
            clock.say(name)
            setting.once(name, compute)
        return ours


class _Clock:
    """The progress of all processes, and the time left."""

    def __init__(self, setting: Setting, parts: dict[str, Compute]):
        self.setting, self.parts = setting, parts
        self.began, self.before = time.monotonic(), self._count()

    def _count(self) -> int:
        return sum(_exists(self.setting, name) for name in self.parts)

    def say(self, name: str) -> None:
        """Reports which part starts now."""
        count = self._count()
        new, seconds = count - self.before, time.monotonic() - self.began
        left = f", {duration((len(self.parts) - count) * seconds / new)} left" if new else ""
        self.setting.say(f"part {count + 1} of {len(self.parts)}: {name}{left}")
