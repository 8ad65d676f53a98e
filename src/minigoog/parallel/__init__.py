"""Several processes that train one network: `mpiexec -n 2 python -m minigoog.train --data-parallel`; docs/parallel.md."""

from .communicator import Alone, Communicator, Ranks
from .errors import OutOfStep, RankLost
from .launch import cores_per_process, mpi, processes, world

__all__ = ["Alone", "Communicator", "cores_per_process", "mpi", "OutOfStep", "processes", "RankLost", "Ranks", "world"]
