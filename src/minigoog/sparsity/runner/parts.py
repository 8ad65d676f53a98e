"""Parts of a long experiment, divided among all processes that work in the same folder."""

import time
from collections.abc import Callable
from typing import TypeAlias

from ...text import duration
from .demonstration import WAIT, Numbers, Setting

Compute: TypeAlias = Callable[[], Numbers]


def work_through(setting: Setting, parts: dict[str, Compute]) -> dict[str, Numbers]:
    """The numbers of `parts`, {name: function that computes them}, by name.

    Each part is computed once, by the first process that reaches it, and stored (`Setting.once`). A part that another process is
    computing is skipped, and taken over if that process dies. Reports progress and the time left at the current speed of all."""
    done: dict[str, Numbers] = {}
    clock = _Clock(setting, parts)
    while len(done) < len(parts):
        before = len(done)
        for name, compute in parts.items():
            if name not in done and (setting.has(name) or _take(setting, name, compute, clock)):
                done[name] = setting.kept(name, compute)
        if len(done) == before:
            time.sleep(WAIT)
    return done


def _take(setting: Setting, name: str, compute: Compute, clock: "_Clock") -> bool:
    """Whether this process computed the part; False if another process is computing it."""
    with setting.locked(name) as ours:
        if ours and not setting.has(name):
            clock.say(name)
            setting.kept(name, compute)
        return ours


class _Clock:
    """The progress of all processes, and the time left."""

    def __init__(self, setting: Setting, parts: dict[str, Compute]):
        self.setting, self.parts = setting, parts
        self.began, self.before = time.monotonic(), self._count()

    def _count(self) -> int:
        return sum(self.setting.has(name) for name in self.parts)

    def say(self, name: str) -> None:
        """Reports which part starts now."""
        count = self._count()
        new, seconds = count - self.before, time.monotonic() - self.began
        left = f", {duration((len(self.parts) - count) * seconds / new)} left" if new else ""
        self.setting.say(f"part {count + 1} of {len(self.parts)}: {name}{left}")
