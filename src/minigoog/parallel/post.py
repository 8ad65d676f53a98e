"""Messages between two processes, for training in which nobody waits for all others: what is meant, facts, and perhaps an array."""

from typing import Any, NamedTuple

import numpy as np

from ..array_types import Array
from .communicator import DATA, FACTS, Ranks, checked


class Message(NamedTuple):
    """What a process has sent. kind: what it wants."""

    sender: int
    kind: str
    facts: Any
    array: Array | None


class Post:
    """Sends and receives. A process that is not there any more is a RankLost: only calls that name it raise it."""

    def __init__(self, ranks: Ranks) -> None:
        self.ranks = ranks
        self.sending: dict[int, list[tuple[Any, Any]]] = {}  # by rank: requests, and what has to stay in memory until they are done

    def send(self, rank: int, kind: str, facts: Any = None, array: Array | None = None) -> None:
        """Begins to send; `array` must not change from now on."""
        size, comm, sending = -1 if array is None else array.size, self.ranks.comm, self.sending.setdefault(rank, [])
        sending.append((self.ranks.calls(lambda: comm.isend((kind, facts, size), rank, FACTS)), None))
        if array is not None:
            sending.append((self.ranks.calls(lambda: comm.Isend(checked(array), rank, DATA)), array))

    def received(self, rank: int) -> Message | None:
        """The next message of a process, if one has come."""
        self.all_sent(rank)
        found = self.ranks.calls(lambda: self.ranks.comm.improbe(rank, FACTS))
        if found is None:
            return None
        kind, facts, size = self.ranks.calls(found.recv)
        return Message(rank, kind, facts, None if size < 0 else self._array(rank, size, kind))

    def _array(self, rank: int, size: int, kind: str) -> Array:
        array = np.empty(size, np.float32)
        request = self.ranks.calls(lambda: self.ranks.comm.Irecv(array, rank, DATA))
        self.ranks.wait(f"the array of a {kind}", [rank], lambda _: bool(request.Test()))
        return array

    def awaited(self, rank: int, where: str) -> Message:
        """The next message of a process, when it comes. where: what is waited for, in messages about it."""
        found: list[Message] = []

        def arrived(rank: int) -> bool:
            if message := self.received(rank):
                found.append(message)
            return bool(found)

        self.ranks.wait(where, [rank], arrived)
        return found[0]

    def all_sent(self, rank: int) -> bool:
        """Whether everything sent to a process is on its way."""
        going = self.sending.get(rank, [])
        self.sending[rank] = [(request, array) for request, array in going if not self.ranks.calls(request.Test)]
        return not self.sending[rank]

    def finish(self, ranks: list[int]) -> None:
        """Waits until all is sent: a process that left before would take messages with it."""
        self.ranks.wait("what is left to send", ranks, self.all_sent)
