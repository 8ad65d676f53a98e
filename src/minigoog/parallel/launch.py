"""Whether mpiexec has started this process, and its communicator. mpi4py is imported only here, and only when it is asked for."""

import ctypes
import faulthandler
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any

from .communicator import Alone, Communicator, Ranks

SIZES = ("OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MPI_LOCALNRANKS")  # set by Open MPI, MPICH, MVAPICH
START = 20.0  # seconds, at least, in which MPI has to start
END = 5.0  # seconds, at most, in which it has to end
MISSING = "needs mpi4py and MPI: pip install 'minigoog[dist]'"


def processes() -> int:
    """How many processes mpiexec has started with this one; 1 without it."""
    return max([int(os.environ.get(name, "1")) for name in SIZES])


def mpi(where: str) -> Any:
    """The module mpi4py.MPI; ImportError, beginning with `where`, that names the extra."""
    try:
        from mpi4py import MPI
    except (ImportError, RuntimeError) as error:  # RuntimeError: no libmpi
        raise ImportError(f"{where} {MISSING} ({error})") from None
    return MPI


def world(where: str, patience: float = 60.0) -> Communicator:
    """The processes that mpiexec has started; Alone without it. From now on an exception that nobody catches ends all of them."""
    if processes() == 1:
        return Alone()
    with _ending_within(max(START, patience)):
        comm = mpi(where).COMM_WORLD.Dup()  # messages of a user's own program never meet ours
    sys.excepthook = _aborting(comm, sys.excepthook)
    faulthandler.register(signal.SIGUSR2)  # prints where a process that hangs is
    return Ranks(comm, patience)


@contextmanager
def _ending_within(seconds: float) -> Iterator[None]:
    """Ends this process, with a traceback, if the with-block takes longer: MPI_Init never ends if a process is killed in it."""
    faulthandler.dump_traceback_later(seconds, exit=True)  # a thread in C: MPI_Init keeps the interpreter's lock
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()


def end_mpi(code: int) -> None:
    """Ends MPI, if mpiexec has started it; if that takes long, this process, with `code`: MPI_Finalize may wait for a process that died."""
    mpi = sys.modules.get("mpi4py.MPI")
    if mpi is None or processes() == 1 or mpi.Is_finalized():
        return
    sys.stdout.flush()
    sys.stderr.flush()
    timer = threading.Timer(END, os._exit, [code])
    timer.start()
    _finalize(mpi)
    timer.cancel()


def _finalize(mpi: Any) -> None:
    """MPI_Finalize, called without the interpreter's lock: mpi4py keeps the lock while it waits, so that no timer would run."""
    try:
        ctypes.CDLL(mpi.__file__).MPI_Finalize()
    except (AttributeError, OSError):  # an mpi4py that is not linked to libmpi
        mpi.Finalize()


def _aborting(comm: Any, before: Any) -> Any:
    """An excepthook that ends all processes: the others would wait for this one in their next exchange."""

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        before(kind, error, trace)
        sys.stderr.flush()
        comm.Abort(1)

    return hook


def cores_per_process() -> int:
    """How many threads a process should use, if those on this machine are to share its cores: mpiexec may have bound it to one of them."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    beside = int(os.environ.get("OMPI_COMM_WORLD_LOCAL_SIZE", os.environ.get("MPI_LOCALNRANKS", "1")))
    bound = cores < (os.cpu_count() or 1)
    return max(1, cores if bound else cores // beside)
