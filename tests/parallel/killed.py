"""Run by test_faults.py: as few.py, but sys.argv begins with a rank and after how many steps it is killed."""

import os
import signal
import sys
from unittest.mock import patch

from minigoog import curves
from minigoog.train import loop
from minigoog.train.__main__ import main
from tests.train.runs import few_digits

who, steps, train, test = map(int, sys.argv[1:5])
original, taken = loop.Trainer._step, []


def step(trainer, *args):
    taken.append(1)
    if trainer.ranks.members[trainer.ranks.rank] == who and len(taken) == steps:
        os.kill(os.getpid(), signal.SIGKILL)
    return original(trainer, *args)


with few_digits(train, test), patch.object(curves, "draw", lambda *_: None), patch.object(loop.Trainer, "_step", step):
    main(sys.argv[5:])
