"""Run by test_sparsity.py: the program `sparsity` with little to do; sys.argv: a file for a line of each training, then flags."""

import sys
from contextlib import ExitStack, contextmanager
from unittest.mock import patch

from minigoog.parallel import world
from minigoog.sparsity.__main__ import main
from minigoog.sparsity.accuracy import budget, experiment
from minigoog.sparsity.accuracy.experiment import PLANS, Plan

NETWORKS = {name: experiment.NETWORKS[name] for name in ("reduced", "multi-branch", "naive", "plain 3x3")}
PLAN = Plan(0.2, 64, 0, 32, 1, (0.1,), 0, 2)


@contextmanager
def small(trained):
    """Within a with-block, the comparison of accuracies trains few networks for a moment, and notes which process trains which seed."""
    learn = experiment.learn

    def noted(*args, **settings):
        with open(trained, "a") as file:
            file.write(f"{world('sharing').rank} {settings['seed']}\n")
        return learn(*args, **settings)

    with ExitStack() as stack:
        for name, value in {"TRIES": 0, "ROUNDS": 1, "BATCH": 1}.items():
            stack.enter_context(patch.object(budget, name, value))
        for name, value in {"NETWORKS": NETWORKS, "learn": noted}.items():
            stack.enter_context(patch.object(experiment, name, value))
        stack.enter_context(patch.dict(PLANS, {(False, True): PLAN}))
        stack.enter_context(patch.dict(sys.modules, {"matplotlib": None}))  # no figures, which take seconds
        yield


if __name__ == "__main__":
    with small(sys.argv[1]):
        main(sys.argv[2:])
