"""Learning rates. Each is a function of the epochs done (a fraction within an epoch) that gives a factor for the first rate."""

import math


def paper(done, config):
    """Down 4% every 8 epochs. (Section 6)"""
    return 0.96 ** (done // config.step_epochs)


def step(done, config):
    """Times `step_factor` every `step_epochs` epochs."""
    return config.step_factor ** (done // config.step_epochs)


def cosine(done, config):
    """Half a cosine from 1 down to 0 at the last epoch. (Loshchilov, Hutter 2016)"""
    return 0.5 * (1 + math.cos(math.pi * done / config.epochs))


def constant(done, config):
    """Always the same."""
    return 1.0


SCHEDULES = {"paper": paper, "step": step, "cosine": cosine, "constant": constant}


def learning_rate(done, config):
    """The learning rate after `done` epochs, with the warm-up of `config.warmup` epochs in which it rises in a line."""
    rise = min(1.0, (done + 1e-9) / config.warmup) if config.warmup else 1.0
    return config.lr * rise * SCHEDULES[config.schedule](done, config)
