"""Gradual pruning while a network trains: the share of weights that are left out rises as a cubic. (Zhu, Gupta 2017, arXiv 1710.01878)"""

import math

import numpy as np

from ..nn import Module, masks, prune
from ..nn.pruning import Layers, density_of, prunable
from ..optim import PolyakAverage
from ..text import listed
from .config import Config


class Pruner:
    """Prunes `model` as `config` says. Masks only shrink, and are part of the network and of every checkpoint; nothing else is kept."""

    def __init__(self, config: Config, model: Module) -> None:
        self.config, self.model = config, model
        self.begin, self.end = times(config)
        chosen = layers(config, model)
        self.keep = [name for name in prunable(model) if name not in chosen]
        for weight in chosen.values():
            if weight.mask is None:
                weight.mask = np.ones(weight.shape, bool)

    def stage(self, done: float) -> int:
        """How many of the steps of pruning are due after `done` epochs."""
        if not self.begin < done < self.end:
            return self.config.prune_steps if done >= self.end else 0
        return math.floor((done - self.begin) / (self.end - self.begin) * self.config.prune_steps + 1e-9)

    def density(self, stage: int) -> float:
        """The share of weights that stay after so many steps: all, then fewer, fast at first."""
        left_out = self.config.prune * (1 - (1 - stage / self.config.prune_steps) ** 3)
        group = self.config.prune_group
        return math.ceil((1 - left_out) * group - 1e-6) / group if group else 1 - left_out

    def changes(self, before: float, after: float) -> bool:
        """Whether masks shrink between these two times, in epochs. What is due when the run begins, is done after its first step."""
        begins = before == self.config.start_epoch <= self.begin
        return self.stage(after) > (0 if begins else self.stage(before))

    def step(self, before: float, after: float, average: PolyakAverage | None) -> None:
        """Called after each step of training, which went from the time `before` to `after`, in epochs: prunes if it is time."""
        if not self.changes(before, after):
            return
        how = self.config
        prune(
            self.model, self.density(self.stage(after)), scope=how.prune_scope, block=how.prune_block, group=how.prune_group,
            keep=self.keep,
        )  # fmt: skip
        if average:
            for name, mask in masks(self.model).items():
                np.putmask(average.averages[name], ~mask, 0)

    def facts(self) -> dict[str, float]:
        """For the line of an epoch in the metrics: the share of weights that are left."""
        return {"density": density_of(self.model)}


def times(config: Config) -> tuple[float, float]:
    """When the first and the last weights are pruned, in epochs."""
    usual, last = usual_times(0, config.epochs)
    begin = usual if config.prune_begin is None else config.prune_begin
    return begin, max(last, begin) if config.prune_end is None else config.prune_end


def usual_times(first: int, epochs: int) -> tuple[float, float]:
    """These times by default, of a run that is pruned from the epoch `first` on."""
    return first + 0.1 * (epochs - first), first + 0.75 * (epochs - first)


def layers(config: Config, model: Module) -> Layers:
    """The weights that training may prune, by layer, all but frozen ones; ValueError, naming the setting, if none of them can be."""
    try:
        found = {name: weight for name, weight in prunable(model, config.prune_keep).items() if weight.requires_grad}
    except ValueError as error:
        raise ValueError(str(error).replace("prune: `keep`", "train: `prune_keep`")) from None
    if not found:
        raise ValueError("train: `prune` has no layer to prune: all are in `prune_keep` or frozen")
    inputs = sorted({weight.shape[-2] for weight in found.values()})
    if config.prune_group and all(n % config.prune_group for n in inputs):
        has = f"but the layers to prune have {listed(inputs)} inputs"
        raise ValueError(f"train: `prune_group` is {config.prune_group}, {has}, expected a divisor of one of these")
    return found
