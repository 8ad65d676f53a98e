"""Modes: settings that a with-block changes for the thread, or asynchronous task, that runs it."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Generic, TypeVar

T = TypeVar("T")


class Mode(Generic[T]):
    """A setting that is `default` outside of all blocks `with mode.within(value)`; inside, it is the value of the last one entered.

    Each context of contextvars has its own blocks: a new thread has none, a new task those of the task that started it. Blocks may
    end in any order, as those of suspended generators do: each takes away only its own value."""

    def __init__(self, name: str, default: T) -> None:
        self._values: ContextVar[tuple[list[T], ...]] = ContextVar(name, default=([default],))

    def get(self) -> T:
        """The value in this context."""
        return self._values.get()[-1][0]

    def all(self) -> list[T]:
        """The default and the values of all blocks that have not ended in this context."""
        return [value for (value,) in self._values.get()]

    @contextmanager
    def within(self, value: T) -> Iterator[None]:
        """Within a with-block, the mode is `value`."""
        block = [value]  # a new object, so that the same value may be there twice
        self._values.set((*self._values.get(), block))
        try:
            yield
        finally:
            self._values.set(tuple(b for b in self._values.get() if b is not block))
