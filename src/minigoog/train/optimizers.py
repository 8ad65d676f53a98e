"""The optimizer that the settings ask for."""

from collections.abc import Sequence

from ..optim import SGD, Adagrad, Adam, AdamW, Optimizer
from ..optim.optimizer import Group
from . import lookahead
from .config import Config


def new_optimizer(config: Config, groups: Sequence[Group]) -> Optimizer:
    """An optimizer of these groups of parameters, with `lookahead` also with their averages."""
    optimizer = _plain(config, groups)
    if config.lookahead:
        lookahead.begin(optimizer)
    return optimizer


def _plain(config: Config, groups: Sequence[Group]) -> Optimizer:
    if config.optimizer == "adagrad":
        return Adagrad(groups, config.lr, weight_decay=config.weight_decay, decay_vectors=False)
    if config.optimizer in ("adam", "adamw"):
        kind = {"adam": Adam, "adamw": AdamW}[config.optimizer]
        betas = config.momentum, config.beta2
        return kind(groups, config.lr, betas, weight_decay=config.weight_decay, decay_vectors=False)
    return SGD(groups, config.lr, config.momentum, weight_decay=config.weight_decay, nesterov=config.nesterov, decay_vectors=False)
