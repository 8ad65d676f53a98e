"""What several processes decide alike: whether one has failed, and whether all have the same."""

import sys
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext, redirect_stdout
from typing import Any, TextIO, TypeVar, cast

from .. import kernels
from ..array_types import Array
from ..files import error_text
from .communicator import Communicator
from .launch import cores_per_process, end_mpi, world

T = TypeVar("T")
PAUSE = 10.0  # seconds in which the first process says what all know, and ends them


def agreed(ranks: Communicator, name: str, work: Callable[[], T]) -> T:
    """What `work` returns here; if it fails in one process, the error of the first of these in all of them."""
    result: Any = None
    fault: Exception | None = None
    try:
        result = work()
    except (ValueError, TypeError, OSError, ImportError) as error:
        fault = error
    faults = ranks.gather(name, fault and error_text(fault))
    first = next((rank for rank, text in enumerate(faults) if text), None)
    if first is None:
        return result  # type: ignore[no-any-return]
    leave_it_to_the_first(ranks)
    raise fault if fault and first == 0 else ValueError(f"rank {first}: {faults[first]}")


def leave_it_to_the_first(ranks: Communicator) -> None:
    """Before an error that all processes raise: the others wait until the first has said it and ended them."""
    if ranks.rank:
        time.sleep(PAUSE)


def differing(ranks: Communicator, name: str, facts: Mapping[str, str]) -> str:
    """What differs between the first process and another one, as text; empty if nothing does."""
    first, *others = ranks.gather(name, dict(facts))
    for rank, theirs in enumerate(others, start=1):
        for fact in first.keys() | theirs.keys():
            if first.get(fact) != theirs.get(fact):
                return f"{fact}: rank {rank} has {theirs.get(fact, 'none')}, rank 0 {first.get(fact, 'none')}"
    return ""


def checksum(arrays: Mapping[str, Array]) -> int:
    """A checksum of arrays."""
    found = 0
    for name, array in arrays.items():
        found = zlib.crc32(array.tobytes(), zlib.crc32(name.encode(), found))
    return found


class FirstsOutput:
    """Standard output of which only the first process's is shown; which one that is may change."""

    def __init__(self, file: TextIO, ranks: Communicator) -> None:
        self.file, self.ranks = file, ranks

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)

    def write(self, text: str) -> int:
        return self.file.write(text) if self.ranks.rank == 0 else len(text)

    def isatty(self) -> bool:
        return self.ranks.rank == 0 and self.file.isatty()


@contextmanager
def one_program(ranks: Communicator) -> Iterator[None]:
    """Within a with-block, only the first process prints."""
    with redirect_stdout(cast(TextIO, FirstsOutput(sys.stdout, ranks))) if ranks.size > 1 else nullcontext():
        yield


@contextmanager
def sharing_work(program: str, threads: int | None = None) -> Iterator[Communicator]:
    """The processes of mpiexec that share the work of `program`: each has `threads` or its part of the cores; the first prints."""
    ranks = world(f"{program}: mpiexec")
    if threads or ranks.size > 1:
        kernels.set_num_threads(threads or cores_per_process())
    with one_program(ranks):
        yield ranks


@contextmanager
def ending_all() -> Iterator[None]:
    """Within a with-block, a process that exits with an error ends all others, which would wait for it without end.

    Not one that was stopped by a signal (a code above 128): all others were told."""
    try:
        yield
    except SystemExit as end:
        mpi = sys.modules.get("mpi4py.MPI")
        code = end.code if isinstance(end.code, int) else 1
        if mpi is not None and 0 < code < 128 and mpi.COMM_WORLD.Get_size() > 1:
            sys.stdout.flush()
            sys.stderr.flush()
            mpi.COMM_WORLD.Abort(code)
        end_mpi(code)
        raise
    end_mpi(0)


