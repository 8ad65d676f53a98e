"""Run by tests: as few.py, but something happens to a process in one of its steps; that of a server is an update.

sys.argv: what happens, if it is not killed; its rank; which step; then as few.py."""

import os
import signal
import sys
import time
from unittest.mock import patch

from minigoog import curves
from minigoog.train import loop, replica
from minigoog.train.__main__ import main
from tests.train.runs import few_digits


def fail():
    raise RuntimeError("this process fails")


HAPPENS = {
    "killed": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "told": lambda: os.kill(os.getpid(), signal.SIGTERM),
    "all told": lambda: os.kill(os.getppid(), signal.SIGTERM),  # mpiexec
    "late": lambda: time.sleep(1.5),  # while others wait
    "fails": fail,
}
words = sys.argv[1:]
what = words.pop(0) if words[0] in HAPPENS else "killed"
who, steps, train, test = map(int, words[:4])
taken = []


def troubled(original):
    def step(*args):
        taken.append(1)
        if int(os.environ["OMPI_COMM_WORLD_RANK"]) == who and len(taken) == steps:
            HAPPENS[what]()
        return original(*args)

    return step


with few_digits(train, test), patch.object(curves, "draw", lambda *_: None):
    for place in (loop.Trainer, replica.Replica):
        place._step = troubled(place._step)
    main(words[4:])
