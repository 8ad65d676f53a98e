"""Locks that are free in the child of a fork.

Only the thread that forks lives on in the child: a lock that another thread held at that moment would never be released there. All locks
of the package come from `new_lock`, and the child resets those that a lost thread holds.
"""

import os
import threading
from collections.abc import Callable
from typing import Any
from weakref import WeakSet

_locks: WeakSet[Any] = WeakSet()


def new_lock() -> Any:
    """A threading.RLock for a with-block; what it protects must be usable if that block ends half-way."""
    lock = threading.RLock()
    _locks.add(lock)
    return lock


def _reset() -> None:
    for lock in list(_locks):
        if lock.acquire(blocking=False):  # free, or held by the thread that forked, which will release it
            lock.release()
        else:
            lock._at_fork_reinit()  # as logging and concurrent.futures do with theirs


def after_fork(function: Callable[[], None]) -> None:
    """Has `function` called in every child of a fork, after those registered earlier."""
    if hasattr(os, "register_at_fork"):  # not on Windows, which has no fork
        os.register_at_fork(after_in_child=function)


after_fork(_reset)
