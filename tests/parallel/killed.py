"""Run by tests: as few.py, but sys.argv begins with a rank and in which of its steps it kills itself; that of a server is an update."""

import os
import signal
import sys
from unittest.mock import patch

from minigoog import curves
from minigoog.train import loop, replica
from minigoog.train.__main__ import main
from tests.train.runs import few_digits

who, steps, train, test = map(int, sys.argv[1:5])
taken = []


def killed(original):
    def step(*args):
        taken.append(1)
        if int(os.environ["OMPI_COMM_WORLD_RANK"]) == who and len(taken) == steps:
            os.kill(os.getpid(), signal.SIGKILL)
        return original(*args)

    return step


with few_digits(train, test), patch.object(curves, "draw", lambda *_: None):
    for place in (loop.Trainer, replica.Replica):
        place._step = killed(place._step)
    main(sys.argv[5:])
