"""Pruning: which weights of a network stay. The others are 0, and its layers know their mask, so that they stay 0 in training.

A pruned layer is the same module as before: it is traced, trained, saved and exported like any other, and `compile` decides how it runs.

Weights are left out one by one, or in units of `block` neighbouring output channels, which share their inputs:

    nn.prune(model, 0.1)                     a tenth of the weights of each layer
    nn.prune(model, 0.1, scope="global")     a tenth of all, more of one layer than of another
    nn.prune(model, 0.1, block=32)           in blocks of 32 outputs x 1 input
    nn.prune(model, 0.5, group=4)            2:4, two of every four inputs of each output
    nn.prune(model, nn.sensitivity(model, images).densities(0.3))     layer by layer, within 30% of the multiply-adds"""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import TypeAlias

import numpy as np

from ..array_types import Array, BoolArray
from ..checks import check_choice, check_int, check_real
from ..text import listed, short
from .conv import Conv2d
from .linear import Linear
from .module import Module, Parameter, check_module

SCOPES = ("layer", "global")
Layers: TypeAlias = dict[str, Parameter]  # the weights that may be pruned, by the names of their modules


def prune(
    module: Module, density: float | Mapping[str, float], *, scope: str = "layer", block: int = 1, group: int | None = None,
    keep: Sequence[str] = (),
) -> Module:  # fmt: skip
    """Keeps the share `density` of the weights of every Conv2d and Linear in `module`, in place, those of largest magnitude; returns it.

    - `density`: from 0 to 1, of all weights, also those that are pruned already: masks only shrink. Or {name of a layer: its density},
      which leaves nothing for `keep` or the scope "global" to choose
    - `scope`: "layer", each by itself, or "global", all compared by their LAMP score, so that no layer loses all of its weights
    - `block`: so many neighbouring output channels are left out together, by their norm
    - `group`: of each group of so many neighbouring inputs of an output, the same number stays (N:M sparsity); a layer whose inputs are
      not a multiple of it stays as it is
    - `keep`: names of layers, or of modules around them, that stay as they are

    Depthwise convolutions, of one input per output, stay dense unless they are named. (Han et al. 2015, arXiv 1506.02626; blocks: Mao et
    al. 2017, arXiv 1705.08922; LAMP: Lee et al. 2021, arXiv 2010.07611; N:M: Zhou et al. 2021, arXiv 2102.04010)"""
    check_choice("prune", "scope", scope, SCOPES)
    check_int("prune", "block", block, 1)
    if isinstance(density, Mapping) and (scope == "global" or len(keep)):
        name, value = ("keep", keep) if len(keep) else ("scope", scope)
        raise ValueError(f"prune: `{name}` is {short(value)} beside densities of named layers, expected one number as `density`")
    layers = _chosen(check_module("prune", "module", module), density, keep)
    shares = dict(density) if isinstance(density, Mapping) else dict.fromkeys(layers, density)
    shares = {name: check_real("prune", "density", share, 0, 1) for name, share in shares.items()}
    if group is not None:
        check_int("prune", "group", group, 1)
        masks = {name: n_of_m(w.data, shares[name], group, block) for name, w in layers.items() if w.shape[-2] % group == 0}
    elif scope == "global" and layers:
        masks = largest_of_all({name: w.data for name, w in layers.items()}, check_real("prune", "density", density), block)
    else:
        masks = {name: largest(w.data, shares[name], block) for name, w in layers.items()}
    for name, mask in masks.items():
        own = layers[name].mask
        layers[name].mask = mask if own is None else mask & own
    return module


def prunable(module: Module, keep: Sequence[str] = ()) -> Layers:
    """The weights of each Conv2d and Linear in `module`, but for depthwise convolutions and what is in the modules that `keep` names."""
    names = [name for name, _ in module.named_modules()]
    for kept in keep:
        if kept not in names:
            near = get_close_matches(str(kept), names, 5) or [name for name in names if name and "." not in name]
            raise ValueError(f"prune: `keep` has {short(kept)}, expected the name of a module, such as {listed(near)}")
    inside = tuple(f"{name}." for name in keep)
    return {
        name: layer.weight
        for name, layer in module.named_modules()
        if isinstance(layer, (Conv2d, Linear)) and not _depthwise(layer) and not f"{name}.".startswith(inside)
    }


def masks(module: Module) -> dict[str, BoolArray]:
    """The mask of each parameter that has one, by its name."""
    return {name: p.mask for name, p in check_module("masks", "module", module).named_parameters() if p.mask is not None}


def density_of(module: Module) -> float:
    """The share of the weights that are not 0, of all Conv2d and Linear in `module` that may be pruned."""
    weights = [w.data for w in prunable(module).values()]
    return sum(int(np.count_nonzero(w)) for w in weights) / max(sum(w.size for w in weights), 1)


def _depthwise(layer: Module) -> bool:
    return isinstance(layer, Conv2d) and layer.weight.shape[2] == 1 < layer.groups


def _chosen(module: Module, density: float | Mapping[str, float], keep: Sequence[str]) -> Layers:
    """The weights of the layers that `density` names, or of all but those of `keep`."""
    if not isinstance(density, Mapping):
        return prunable(module, keep)
    modules = dict(module.named_modules())
    for name in density:
        if not isinstance(modules.get(name), (Conv2d, Linear)):
            near = get_close_matches(str(name), modules, 5) or list(prunable(module))
            raise ValueError(f"prune: `density` has {short(name)}, expected the name of a Conv2d or Linear, such as {listed(near)}")
    return {name: modules[name].weight for name in density}


# ---- which weights are the largest ----


def largest(weight: Array, density: float, block: int = 1) -> BoolArray:
    """Which weights [..., inputs, outputs] are among the largest, a share `density` of all; with blocks, those in the blocks of largest
    norm."""
    norms = squares(weight, block)
    return spread(first(-norms, round(check_real("largest", "density", density, 0, 1) * norms.size)), weight, block)


def largest_of_all(weights: Mapping[str, Array], density: float, block: int = 1) -> dict[str, BoolArray]:
    """The same of several layers together: those with the highest LAMP score, a square relative to the sum of those not smaller."""
    scores = {name: lamp(squares(w, block)) for name, w in weights.items()}
    together = np.concatenate([score.reshape(-1) for score in scores.values()])
    chosen = first(-together, max(round(density * together.size), len(weights)))
    parts = np.split(chosen, np.cumsum([score.size for score in scores.values()])[:-1])
    return {name: spread(part.reshape(scores[name].shape), weights[name], block) for name, part in zip(weights, parts, strict=True)}


def n_of_m(weight: Array, density: float, group: int, block: int = 1) -> BoolArray:
    """Which weights [..., inputs, outputs] stay if of each `group` neighbouring inputs of an output (or block) a share `density` does."""
    n = check_real("n_of_m", "density", density, 0, 1) * group
    if abs(n - round(n)) > 1e-6:
        raise ValueError(f"prune: `density` is {density:g}, expected a multiple of 1/{group}, for `group` {group}")
    norms = squares(weight, block)
    apart = norms.reshape(-1, group, norms.shape[-1])
    rank = np.argsort(np.argsort(-apart, axis=1, kind="stable"), axis=1, kind="stable")
    return spread((rank < round(n)).reshape(norms.shape), weight, block)


def squares(weight: Array, block: int) -> Array:
    """The sums of the squares of each block of outputs: float64 [..., inputs, blocks]."""
    padded = np.pad(weight, [(0, 0)] * (weight.ndim - 1) + [(0, -weight.shape[-1] % block)])
    found: Array = np.square(padded.reshape(*weight.shape[:-1], -1, block), dtype=np.float64).sum(axis=-1)
    return found


def spread(chosen: BoolArray, weight: Array, block: int) -> BoolArray:
    """Whether the block of each weight is chosen."""
    return np.repeat(chosen, block, axis=-1)[..., : weight.shape[-1]]


def first(order: Array, n: int) -> BoolArray:
    """Which values are the `n` smallest; of equal ones the first."""
    chosen = np.zeros(order.size, bool)
    chosen[np.argsort(order, axis=None, kind="stable")[:n]] = True
    return chosen.reshape(order.shape)


def lamp(square: Array) -> Array:
    """Each square divided by the sum of all that are not smaller, itself included: 1 for the largest."""
    order = np.argsort(square, axis=None, kind="stable")[::-1]
    falling = square.reshape(-1)[order]
    scores = np.empty_like(falling)
    scores[order] = falling / np.maximum(np.cumsum(falling), np.finfo(float).tiny)
    return scores.reshape(square.shape)
