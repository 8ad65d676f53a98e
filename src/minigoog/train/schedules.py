"""Learning rates. A schedule is a function of the epochs done (fractional within an epoch) that returns a factor of the initial rate."""

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .config import Config


def paper(done: float, config: "Config") -> float:
    """Falls by 4% every 8 epochs. (Section 6)"""
    return float(0.96 ** (done // config.step_epochs))


def step(done: float, config: "Config") -> float:
    """Multiplied by `step_factor` every `step_epochs` epochs."""
    return float(config.step_factor ** (done // config.step_epochs))


def cosine(done: float, config: "Config") -> float:
    """Half a cosine from 1 down to 0 at the last epoch. (Loshchilov, Hutter 2016)"""
    return half_cosine(done / (config.epochs - config.start_epoch))


def half_cosine(share: float) -> float:
    """Half a cosine, from 1 at 0 down to 0 at 1."""
    return 0.5 * (1 + math.cos(math.pi * share))


def triangle(done: float, config: "Config") -> float:
    """A line from 1 at the end of the warm-up down to 0 at the last epoch: with that rise, a triangle. (Smith 2015, one cycle of it)"""
    epochs = config.epochs - config.start_epoch
    return min(1.0, (epochs - done) / max(epochs - config.warmup, 1e-9))


def constant(done: float, config: "Config") -> float:
    """Constant."""
    return 1.0


SCHEDULES = {"paper": paper, "step": step, "cosine": cosine, "triangle": triangle, "constant": constant}


def schedule(done: float, config: "Config") -> float:
    """The factor of the initial learning rates after `done` epochs; in the first `config.warmup` epochs it also rises linearly from 0.

    A finished run that is trained longer counts from its `start_epoch` on."""
    done -= config.start_epoch
    rise = min(1.0, (done + 1e-9) / config.warmup) if config.warmup else 1.0
    return rise * SCHEDULES[config.schedule](done, config)
