"""Faults injected into a program: its k-th write to a folder fails as on a full disk, or its k-th array cannot be allocated."""

import builtins
import errno
import io
import os
import re
import sys
from collections import defaultdict
from contextlib import ExitStack, contextmanager
from pathlib import Path
from unittest.mock import patch

import numpy as np

ALLOCATORS = ("empty", "zeros", "ones", "full", "empty_like", "zeros_like", "ones_like", "ascontiguousarray", "concatenate", "stack", "pad")


class Faults:
    """Counts events, and makes number `at` fail (0: none). events: what they were."""

    def __init__(self, at):
        self.at, self.events = at, []

    @property
    def happened(self):
        return 0 < self.at <= len(self.events)

    def kinds(self):
        """The numbers of events that are worth failing: the first, the middle and the last one of each kind, in order."""
        numbers = defaultdict(list)
        for number, event in enumerate(self.events, start=1):
            numbers[re.sub(r"\.\w+\.tmp$", "", event)].append(number)
        return sorted({one[i] for one in numbers.values() for i in (0, len(one) // 2, -1)})

    def event(self, what, error):
        self.events.append(what)
        if len(self.events) == self.at:
            raise error()


def file_of(name_or_descriptor):
    """The path of a file that is given by name or by descriptor."""
    name = f"/proc/self/fd/{name_or_descriptor}" if isinstance(name_or_descriptor, int) else os.fspath(name_or_descriptor)
    return Path(os.path.realpath(os.fsdecode(name)))


@contextmanager
def failing_write(folder, at):
    """Within a with-block, the `at`-th attempt to change something in `folder` fails: open, write, close, sync, rename, mkdir, ..."""
    faults, folder = Faults(at), Path(folder).resolve()

    def event(what, file):
        path = file_of(file)
        if folder == path or folder in path.parents:
            full = errno.EIO if what in ("close", "fsync") else errno.ENOSPC
            faults.event(f"{what} {path.name}", lambda: OSError(full, os.strerror(full), *([] if isinstance(file, int) else [str(file)])))

    class Raw(io.FileIO):
        def write(self, data):
            event("write", self.fileno())
            return super().write(data)

        def close(self):
            path = None if self.closed else file_of(self.fileno())
            super().close()
            if path and self.opened_by_name:
                event("close", path)

    def opened(file, mode="r", buffering=-1, encoding=None, errors=None, newline=None, closefd=True, opener=None):
        if not set(mode) & set("wax+"):
            return original_open(file, mode, buffering, encoding, errors, newline, closefd, opener)
        event("open", file)
        raw = Raw(file, mode.replace("b", "").replace("t", ""), closefd, opener)
        raw.opened_by_name = not isinstance(file, int)
        if buffering == 0:
            return raw
        buffered = io.BufferedRandom(raw) if "+" in mode else io.BufferedWriter(raw)
        return buffered if "b" in mode else io.TextIOWrapper(buffered, encoding, errors, newline, buffering == 1)

    def failing(what):
        original = getattr(os, what)

        def call(file, *args, **settings):
            event(what, args[0] if what in ("replace", "rename") else file)
            return original(file, *args, **settings)

        return call

    def os_open(file, flags, *args, **settings):
        if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            event("open", file)
        return original_os_open(file, flags, *args, **settings)

    original_open, original_os_open = io.open, os.open
    with ExitStack() as stack:
        for owner, name, instead in [(builtins, "open", opened), (io, "open", opened), (os, "open", os_open)]:
            stack.enter_context(patch.object(owner, name, instead))
        for name in ("replace", "rename", "mkdir", "fsync", "truncate", "ftruncate", "chmod", "fchmod"):
            stack.enter_context(patch.object(os, name, failing(name)))
        yield faults


@contextmanager
def failing_allocation(at):
    """Within a with-block, the `at`-th array that minigoog itself asks NumPy for cannot be allocated."""
    faults = Faults(at)

    def failing(original):
        def call(*args, **settings):
            caller = sys._getframe(1)
            if caller.f_globals.get("__name__", "").startswith("minigoog."):
                line = f"{original.__name__} in {caller.f_globals['__name__']}:{caller.f_lineno}"
                faults.event(line, lambda: MemoryError("Unable to allocate 8.00 EiB for an array"))
            return original(*args, **settings)

        return call

    with ExitStack() as stack:
        for name in ALLOCATORS:
            stack.enter_context(patch.object(np, name, failing(getattr(np, name))))
        yield faults
