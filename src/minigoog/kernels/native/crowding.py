"""How many threads a run of a plan takes while other processes want the cores too.

At the end of each call all threads wait for the slowest, so one that another process has put off its core holds up the others: with one of
two cores busy GoogLeNet takes longer on two threads than on one. Such a thread is switched away against its will, far more often than
on a quiet machine, and the system counts that. Then the next runs leave out a thread, and from time to time one tries with it again.
Results have the same bits for any number of threads.
"""

import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager

from . import machine

FEW = 8  # switches in a run that a quiet machine has too, seldom more than 4 in 12 ms
RATE = 300.0  # switches a second; with one of two cores busy there are over 500
SHORTEST, LONGEST = 0.05, 0.5  # seconds without a thread before a run tries with it again: doubled each time that fails


def _switches() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw


class Crowding:
    """What the last runs of this process have met. Several threads may use it: at worst one of them tries at another time."""

    def __init__(self) -> None:
        self.left_out, self.until, self.patience = 0, 0.0, SHORTEST  # threads, and until when

    def at(self, now: float) -> int:
        """How many threads a run that begins now leaves out."""
        return self.left_out - (self.left_out > 0 and now >= self.until)

    def ended(self, left_out: int, crowded: bool, now: float) -> None:
        """A run without `left_out` threads has ended, in which others were switched away or not."""
        if not crowded and left_out == self.left_out:
            return
        failed_again = crowded and left_out < self.left_out
        self.patience = min(2 * self.patience, LONGEST) if failed_again else SHORTEST
        self.left_out, self.until = left_out + crowded, now + self.patience

    @contextmanager
    def run(self, m: machine.Machine) -> Iterator[machine.Machine]:
        """The machine for a run that may use all threads of `m`."""
        most, start = int(m.threads), time.perf_counter()
        if most == 1:
            yield m
            return
        left_out, before = min(self.at(start), most - 1), _switches()
        yield machine.new(machine.isa_of(m), most - left_out) if left_out else m
        switches, now = _switches() - before, time.perf_counter()
        self.ended(left_out, left_out < most - 1 and switches > FEW and switches > RATE * (now - start), now)


of_process = Crowding()
