"""Modes: settings that a with-block changes for the thread, or asynchronous task, that runs it."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Generic, TypeVar

T = TypeVar("T")


class _Block(Generic[T]):
    """A with-block and the value of the mode in it."""

    __slots__ = ("ended", "value")

    def __init__(self, value: T) -> None:
        self.value, self.ended = value, False


class Mode(Generic[T]):
    """A setting that is `default` outside of all blocks `with mode.within(value)`; inside, it is the value of the last one entered.

    Each context of contextvars has its own blocks: a new thread has none, a new task those of the task that started it. Blocks may
    end in any order, as those of suspended generators do: each takes away only its own value. One that ends in another context than
    it began in, as asyncio ends a generator that a task has dropped, ends in all."""

    def __init__(self, name: str, default: T) -> None:
        self._blocks: ContextVar[tuple[_Block[T], ...]] = ContextVar(name, default=(_Block(default),))

    def get(self) -> T:
        """The value in this context."""
        block = self._blocks.get()[-1]
        return self.all()[-1] if block.ended else block.value

    def all(self) -> list[T]:
        """The default and the values of all blocks that have not ended in this context."""
        return [block.value for block in self._blocks.get() if not block.ended]

    @contextmanager
    def within(self, value: T) -> Iterator[None]:
        """Within a with-block, the mode is `value`."""
        block = _Block(value)
        began = self._blocks.set((*self._blocks.get(), block))
        try:
            yield
        finally:
            rest = tuple(b for b in self._blocks.get() if b is not block and not b.ended)
            try:
                self._blocks.reset(began)
            except ValueError:  # another context than the one it began in
                block.ended = True
            self._blocks.set(rest)
