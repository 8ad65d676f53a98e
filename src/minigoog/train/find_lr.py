"""Which learning rates suit a network: a short training whose rate rises from step to step. (Smith, arXiv 1506.01186, section 3.3)"""

import math
from collections.abc import Iterator
from itertools import count

from .. import optim
from ..parallel import Alone, Communicator
from ..parallel.together import one_program
from ..text import aligned
from . import company, finetune, head
from .config import Config
from .gradients import Batch, Gradients
from .optimizers import new_optimizer
from .progress import Progress
from .setup import Setup, effective, prepare
from .stale import Stale
from .ways import gradients

ALONE = Alone()
STEPS, LOWEST, HIGHEST = 100, 1e-5, 10.0
FORGET = 0.9  # of the running mean of the losses
MANY = 10  # steps: the mean of fewer is that of a few batches, and low by chance where the loss hardly falls, as in fine-tuning
WORSE = 4  # times the best mean loss: the end of the search
SAFE = 10  # the rate of the best mean loss, divided by this, is suggested: there the loss has stopped falling
ROWS = 20  # of the table


def search(config: Config) -> float:
    """Prints the mean loss by learning rate, and a rate to begin with, which it returns. Reads training images only."""
    if config.downpour:
        raise ValueError("train: `downpour` is given, but find-lr trains in one process, or with `data_parallel`")
    ranks = company.ranks_of(config)
    company.set_threads(config, ranks)
    with one_program(ranks):
        setup = finetune.prepare(config, testing=False) if config.weights else prepare(config, testing=False)
        found = list(losses(config, setup, ranks=ranks))
        if len(found) < 2:
            raise ValueError(f"train: the loss was not finite after {len(found)} steps, at rates from {LOWEST:g} on: look at the images")
        chosen = suggested(found)
        print(f"{_table(found)}\n\nlowest at {chosen * SAFE:.2g}; a tenth of it is a rate to begin with: {_flags(config, chosen)}")
    return chosen


def _table(found: list[tuple[float, float]]) -> str:
    """Some of the (rate, mean loss), with bars."""
    shown = found[:: -(-len(found) // ROWS)]
    worst = max(loss for _, loss in shown)
    rows = [(f"{rate:.1e}", f"{loss:.4f}", "#" * round(40 * loss / worst)) for rate, loss in shown]
    return aligned([("rate", "mean loss", ""), *rows])


def _flags(config: Config, lr: float) -> str:
    """The rate as flags; that of a new classifier, if it has one of its own, in the proportion in which the search had it."""
    return f"--lr {lr:.2g}" + (f" --head-lr {lr * config.head_lr / config.lr:.2g}" if config.head_lr else "")


def suggested(found: list[tuple[float, float]]) -> float:
    """The rate to begin with, from (rate, mean loss) in the order of the steps."""
    return min(found[MANY:] or found, key=lambda each: each[1])[0] / SAFE


def losses(config: Config, setup: Setup, steps: int = STEPS, ranks: Communicator = ALONE) -> Iterator[tuple[float, float]]:
    """(rate, running mean of the loss) of each step, until the mean is far above its best or the loss is not finite."""
    config, parameters = effective(config, setup), setup.model.parameters()
    _begin(config, setup)
    optimizer, stale = new_optimizer(config, finetune.groups(setup, config)), Stale(parameters, config.staleness)
    factors = [group["lr"] / config.lr for group in optimizer.param_groups]
    batches = gradients(setup, config, ranks)
    mean, best = 0.0, math.inf
    for step, batch in zip(range(steps), _endless(batches), strict=False):
        rate = LOWEST * (HIGHEST / LOWEST) ** (step / (steps - 1))
        for group, factor in zip(optimizer.param_groups, factors, strict=True):
            group["lr"] = rate * factor
        optimizer.zero_grad()
        loss = batches.of(batch, lambda values: None).losses[0]
        mean = FORGET * mean + (1 - FORGET) * loss
        corrected = mean / (1 - FORGET ** (step + 1))
        best = min(best, corrected)
        if not math.isfinite(loss) or corrected > WORSE * best:
            return
        yield rate, corrected
        if config.clip:
            optim.clip_grad_norm_(parameters, config.clip)
        stale.exchange(step)
        optimizer.step()


def _begin(config: Config, setup: Setup) -> None:
    """Brings the network to where training begins: a new classifier has been trained by itself."""
    if setup.classifier:
        for _ in head.train(setup.model, setup, config, Progress()):
            pass
    setup.model.train()
    if setup.classifier:
        finetune.keep_still(setup.model, config)


def _endless(batches: Gradients) -> Iterator[Batch]:
    """The batches of one epoch after the other."""
    for epoch in count():
        yield from batches.epoch(epoch, start=0)
