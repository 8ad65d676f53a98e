"""Weights that follow their own running average: every few steps they are set to it. (Zhang et al., arXiv 1907.08610)

The average forgets more slowly the longer training lasts: at first it is the weights themselves, so that nothing holds them back; at the
end it is their mean over many steps, and they go on from there. (Jordan, arXiv 2404.00498, section 3.4)"""

from .. import kernels
from ..optim import Optimizer
from .config import Config
from .progress import Progress

EVERY = 5  # steps
POWER = 3  # of the share of training that is done


def begin(optimizer: Optimizer) -> None:
    """Gives each parameter's state its average, which is the parameter as it is."""
    for p, state in zip(optimizer.parameters, optimizer.state, strict=True):
        state["slow"] = p.data.copy()


def step(optimizer: Optimizer, config: Config, at: Progress, steps: int) -> None:
    """After a step that `at` does not count yet, in epochs of so many steps: sets the weights to their average if it is time."""
    if (at.total_steps + 1) % EVERY:
        return
    done = at.epoch - config.start_epoch + (at.step + 1) / steps
    decay = config.lookahead**EVERY * (done / (config.epochs - config.start_epoch)) ** POWER
    for p, state in zip(optimizer.parameters, optimizer.state, strict=True):
        kernels.average_step(state["slow"], p.data, decay=decay)
        p.data[...] = state["slow"]
        p.mark_written("lookahead")
