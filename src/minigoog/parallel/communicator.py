"""The processes of one training, over MPI or alone: what they tell each other, and sums that have the same bits for any number of them.

There is no reduction by MPI and no collective call: every process sends to each other one and asks which messages have come. So a process
that does not answer can be named, a signal is handled while one waits, and the order of additions is ours (tree.py)."""

import os
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from ..array_types import Array
from .errors import OutOfStep, RankLost
from .tree import Node, nodes, share, total

FACTS, DATA, SLICES = 1, 2, 3  # tags of messages
SPIN, NAP = 2e-3, 1e-4  # seconds: how long a process asks without a pause, and the pause after that


def checked(array: Array) -> Array:
    """`array`, if MPI may read or write its memory as it is: float32, in C order. Anything else it would mix up silently."""
    if array.dtype != np.float32 or not array.flags.c_contiguous:
        order = "C order" if array.flags.c_contiguous else "another order than C"
        raise ValueError(f"parallel: an array {array.shape} is {array.dtype} in {order}, expected float32 in C order")
    return array


class Communicator(Protocol):
    """What training needs of the processes it shares its work with. name: of the exchange, for messages about it."""

    rank: int
    size: int

    def gather(self, name: str, value: Any) -> list[Any]:
        """A small value of each process, by rank, on all of them."""

    def tree_sum(self, name: str, parts: dict[Node, Array], leaves: int, n: int) -> Array:
        """The sum of `n` values over the tree of `leaves`, on all processes; parts: the `nodes` of this one's share of the leaves."""

    def rows(self, name: str, own: Array, counts: Sequence[int]) -> Array:
        """The rows of all processes one below the other, on all of them; counts: how many each has."""

    def repair(self) -> list[int]:
        """After a RankLost: leaves out the processes that have died; returns their former ranks."""


class Alone:
    """One process, without MPI."""

    rank, size = 0, 1

    def gather(self, name: str, value: Any) -> list[Any]:
        return [value]

    def tree_sum(self, name: str, parts: dict[Node, Array], leaves: int, n: int) -> Array:
        return parts[0, leaves]

    def rows(self, name: str, own: Array, counts: Sequence[int]) -> Array:
        return own

    def repair(self) -> list[int]:
        return []


class Ranks:
    """The processes of an MPI communicator. patience: seconds after which a process that waits says for whom."""

    def __init__(self, comm: Any, patience: float = 60.0, say: Callable[[str], None] | None = None) -> None:
        self.comm, self.patience = comm, patience
        self.say = say or (lambda text: print(text, file=sys.stderr, flush=True))
        self.rank, self.size = comm.Get_rank(), comm.Get_size()
        self.bytes_sent, self.waited = 0, 0.0
        self.members = list(range(self.size))  # the first ranks of those that are left

    @property
    def others(self) -> list[int]:
        """All ranks but this one's."""
        return [rank for rank in range(self.size) if rank != self.rank]

    def gather(self, name: str, value: Any) -> list[Any]:
        found = {self.rank: value}
        sent = self.calls(lambda: {r: [self.comm.isend((name, value), r, FACTS)] for r in self.others})

        def arrived(rank: int) -> bool:
            if rank not in found and (message := self.comm.improbe(rank, FACTS)) is not None:
                theirs, found[rank] = message.recv()
                if theirs != name:
                    raise OutOfStep(f"parallel: rank {self.rank} is at {name}, but rank {rank} at {theirs}: they would wait for ever")
            return rank in found and all(request.Test() for request in sent[rank])

        self.wait(name, self.others, arrived)
        return [found[rank] for rank in range(self.size)]

    def tree_sum(self, name: str, parts: dict[Node, Array], leaves: int, n: int) -> Array:
        shares = [nodes(share(leaves, self.size, rank), (0, leaves)) for rank in range(self.size)]
        slices = [slice(*share(n, self.size, rank)) for rank in range(self.size)]
        mine = slices[self.rank]
        theirs = {r: [np.empty(mine.stop - mine.start, np.float32) for _ in shares[r]] for r in self.others}
        out = {r: [checked(parts[node])[slices[r]] for node in shares[self.rank]] for r in self.others}
        self._exchange(f"{name}, parts", out, theirs, DATA)
        known = {node: array for r in self.others for node, array in zip(shares[r], theirs[r], strict=True)}
        known |= {node: part[mine] for node, part in parts.items()}
        whole = np.empty(n, np.float32)
        whole[mine] = total((0, leaves), lambda leaf: known[leaf, leaf + 1], known)
        self._exchange(f"{name}, sums", {r: [whole[mine]] for r in self.others}, {r: [whole[slices[r]]] for r in self.others}, SLICES)
        return whole

    def rows(self, name: str, own: Array, counts: Sequence[int]) -> Array:
        width = max(self.gather(f"the width of {name}", int(np.prod(own.shape[1:])) if len(own) else 0))
        ends = np.cumsum([0, *counts])
        whole = np.empty((ends[-1], width), np.float32)
        whole[ends[self.rank] : ends[self.rank + 1]] = own.reshape(-1, width)
        part = [[whole[ends[r] : ends[r + 1]]] for r in range(self.size)]
        self._exchange(name, dict.fromkeys(self.others, part[self.rank]), {r: part[r] for r in self.others}, DATA)
        return whole

    def _exchange(self, name: str, out: dict[int, list[Array]], into: dict[int, list[Array]], tag: int) -> None:
        """Sends the arrays of `out` to each rank and receives those of `into`."""

        def begin() -> dict[int, list[Any]]:
            coming = {r: [self.comm.Irecv(checked(array), r, tag) for array in arrays] for r, arrays in into.items()}
            return {r: coming[r] + [self.comm.Isend(checked(array), r, tag) for array in arrays] for r, arrays in out.items()}

        requests = self.calls(begin)
        self.bytes_sent += sum(array.nbytes for arrays in out.values() for array in arrays)
        self.wait(name, self.others, lambda rank: all([request.Test() for request in requests[rank]]))  # noqa: C419  each is asked, for progress

    def wait(self, name: str, whom: Sequence[int], arrived: Callable[[int], bool]) -> None:
        """Asks until all messages from and to each of `whom` have arrived; says for whom it waits if that takes long."""
        began, said = time.monotonic(), self.patience
        missing = list(whom)
        while missing := [rank for rank in missing if not self.calls(lambda rank=rank: arrived(rank))]:  # type: ignore[misc]
            waited = time.monotonic() - began
            if waited > said:
                who = ", ".join(f"rank {rank}" for rank in missing)
                self.say(f"rank {self.rank} has waited {waited:.0f} s for {who} in {name}")
                said += self.patience
            if waited > SPIN:
                time.sleep(NAP)
            else:
                os.sched_yield()
        self.waited += time.monotonic() - began

    def calls(self, call: Callable[[], Any]) -> Any:
        """What `call` returns; RankLost if MPI says that a process is gone."""
        from mpi4py import MPI

        try:
            return call()
        except MPI.Exception as error:
            gone = [getattr(MPI, kind, None) for kind in ("ERR_PROC_FAILED", "ERR_PROC_FAILED_PENDING", "ERR_REVOKED")]
            if error.Get_error_class() in gone:
                raise RankLost(str(error)) from None
            raise

    def repair(self) -> list[int]:
        if not self.comm.Is_revoked():
            self.comm.Revoke()
        me, before = self.members[self.rank], self.members
        self.comm = self.comm.Shrink()
        self.rank, self.size = self.comm.Get_rank(), self.comm.Get_size()
        self.members = self.gather("the ranks that are left", me)
        return [rank for rank in before if rank not in self.members]
