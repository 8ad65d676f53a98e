"""The desk of a server: messages of replicas one at a time, in the order in which they come, which is kept, or in a recorded one."""

import os
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from ..array_types import Array
from .communicator import NAP, SPIN
from .errors import RankLost
from .post import Message, Post

DIED = "died"  # the kind of a message that nobody sends: its sender is not there any more


class Desk:
    """Takes the messages of `replicas`. order: whose came, -rank where a replica died; recorded: such an order, to be repeated."""

    def __init__(self, post: Post, replicas: Sequence[int], recorded: Sequence[int] = ()) -> None:
        self.post, self.replicas = post, list(replicas)
        self.recorded = list(reversed(recorded))
        self.order: list[int] = []
        self.gone: list[int] = []  # replicas that have died in the recorded order, but live
        self.last = self.said = time.monotonic()

    def next(self) -> Message | None:
        """The next message, if one has come; of replicas that all have sent one, each has its turn."""
        for rank in self._whom():
            message = self._taken(rank)
            if message:
                self._note(message)
                return message
        self._rest()
        return None

    def _whom(self) -> list[int]:
        """The replicas that may be next, the one that was taken last at the end."""
        return [self.recorded[-1]] if self.recorded else list(self.replicas)

    def _taken(self, rank: int) -> Message | None:
        if rank < 0:  # in the recorded order it died here
            self.gone.append(-rank)
            return Message(-rank, DIED, None, None)
        try:
            return self.post.received(rank)
        except RankLost:
            return Message(rank, DIED, None, None)

    def _note(self, message: Message) -> None:
        rank, died = message.sender, message.kind == DIED
        if self.recorded and self.recorded.pop() != (-rank if died else rank):
            raise RankLost(f"rank {rank} has died, but not in the recorded order of arrivals")
        self.order.append(-rank if died else rank)
        self.replicas.remove(rank)
        if not died:
            self.replicas.append(rank)
        self.last = self.said = time.monotonic()

    def _rest(self) -> None:
        """A moment without a message: others may have the core."""
        if time.monotonic() - self.last > SPIN:
            time.sleep(NAP)
        else:
            os.sched_yield()

    def complain(self, whom: Sequence[int], what: str) -> None:
        """Says for whom the server waits, if no message has come for long."""
        ranks, now = self.post.ranks, time.monotonic()
        if whom and now - self.said > ranks.patience:
            self.said = now
            who = ", ".join(f"rank {rank}" for rank in whom)
            ranks.say(f"rank {ranks.rank} has waited {now - self.last:.0f} s for {who} in {what}")

    def answer(self, rank: int, kind: str, facts: Any = None, array: Array | None = None) -> None:
        """Sends to a replica; that it has died will be seen when it is asked for its next message."""
        with suppress(RankLost):
            self.post.send(rank, kind, facts, array)

    def written(self) -> list[int]:
        """The order since this was called last."""
        order, self.order = self.order, []
        return order
