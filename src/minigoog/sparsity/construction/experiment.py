"""What the construction of Arora et al. recovers: by samples, density and degree, in two layers, negative edges, and a control."""

import math
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from ...array_types import BoolArray
from ..runner.demonstration import Numbers, Say
from .clustering import pairwise_graph, partial_encoder, recover_graph
from .matching import GOOD, match, precision_and_recall
from .negative_edges import negative_edges
from .random_networks import Layer, observe, random_layer, sparse_codes

Network: TypeAlias = tuple[int, int, int, int]  # units, positive edges of each, active ones, samples

PER_LOG = 8  # how often a unit is on, in ln(units), in experiments that do not vary the number of samples: enough


def enough(units: int, active: int, times: float = PER_LOG) -> int:
    """Samples in which a hidden unit is on `times` ln(units) times."""
    return math.ceil(times * math.log(units) * units / active)


def one_layer(seed: int, units: int, degree: int, active: int, samples: int,
              shuffled: bool = False) -> tuple[Layer, BoolArray, BoolArray, BoolArray]:
    """(layer, clusters, observed samples, hidden code) of a random layer of `units` to `units`.

    shuffled: the control, in which the samples of each visible unit are permuted separately, so that nothing is correlated."""
    generator = np.random.default_rng(seed)
    layer = random_layer(generator, units, units, degree)
    code = sparse_codes(generator, samples, units, active)
    shown = observe([layer], code)
    if shuffled:
        shown = generator.permuted(shown, axis=0)
    return layer, recover_graph(pairwise_graph(shown, active / units), degree, generator), shown, code


def recovery(seed: int, units: int, degree: int, active: int, samples: int, shuffled: bool = False) -> Numbers:
    """A row of numbers: the setting, and the shares of units recovered exactly and well."""
    layer, found, *_ = one_layer(seed, units, degree, active, samples, shuffled)
    matched = match(layer.positive, found)
    return {"units": units, "degree": degree, "active": active, "samples": samples, "clusters": found.shape[1],
            "exact": matched.exact, "good": matched.good, "matches": int(np.sum(matched.jaccard >= GOOD))}


def by_samples(say: Say, seed: int, sizes: Sequence[tuple[int, int]], degree: int, times: Sequence[float]) -> Numbers:
    """Rows for networks of (units, active) `sizes`: with as many samples that a unit is on `times` ln(units) times."""
    return _rows(say, seed, [
        ({"often": often}, f"{units} units, each on {often:g} ln n times", (units, degree, active, enough(units, active, often)))
        for units, active in sizes for often in times])


def by_density(say: Say, seed: int, units: int, degree: int, actives: Sequence[int]) -> Numbers:
    """Rows for each number in `actives` of hidden units that are on in a sample."""
    crowding = [active / units * (2 * degree) ** 2 for active in actives]  # rho d^2, d counting edges of both signs
    return _rows(say, seed, [({"crowding": each}, f"rho d^2 = {each:.2f}", (units, degree, active, enough(units, active)))
                             for active, each in zip(actives, crowding, strict=True)])


def by_degree(say: Say, seed: int, units: int, active: int, degrees: Sequence[int]) -> Numbers:
    """Rows for each number in `degrees` of positive children of a hidden unit."""
    return _rows(say, seed, [({}, f"{degree} positive edges", (units, degree, active, enough(units, active))) for degree in degrees])


def _rows(say: Say, seed: int, networks: list[tuple[Numbers, str, Network]]) -> Numbers:
    """{"rows": what is recovered of each network, with `facts` added}; reports each by its name."""
    rows = []
    for facts, name, network in networks:
        rows.append(recovery(seed, *network) | facts)
        say(f"  {name}: {rows[-1]['good']:.1%} recovered")
    return {"rows": rows}


def two_layers(seed: int, units: int, degree: int, active: int, samples: int) -> Numbers:
    """Recovery of two hidden layers, the upper one from the code that the lower one's clusters give."""
    generator = np.random.default_rng(seed)
    top, bottom = random_layer(generator, units, units, degree), random_layer(generator, units, units, degree)
    shown = observe([top, bottom], sparse_codes(generator, samples, units, active))
    lower = recover_graph(pairwise_graph(shown, active * degree / units), degree, generator)
    upper = recover_graph(pairwise_graph(partial_encoder(shown, lower, degree), active / units), degree, generator)
    of_lower = match(bottom.positive, lower)
    of_upper = match(top.positive, upper[of_lower.cluster] & (of_lower.jaccard >= GOOD)[:, None])
    return {"units": units, "degree": degree, "active": active, "samples": samples,
            "lower": {"exact": of_lower.exact, "good": of_lower.good}, "upper": {"exact": of_upper.exact, "good": of_upper.good}}


def negatives(seed: int, units: int, degree: int, active: int, samples: int) -> Numbers:
    """How many of the negative edges are found with the code from the recovered clusters; and the errors of that code."""
    layer, found, shown, code = one_layer(seed, units, degree, active, samples)
    encoded, matched = partial_encoder(shown, found, degree), match(layer.positive, found)
    edges = negative_edges(shown, encoded, found)[:, matched.cluster] & (matched.jaccard >= GOOD)
    precision, recall = precision_and_recall(layer.negative, edges)
    errors = np.sum(encoded[:, matched.cluster] != code) / np.sum(code)
    return {"units": units, "degree": degree, "active": active, "samples": samples, "precision": precision, "recall": recall,
            "code_errors": float(errors)}


def adjacency(seed: int, units: int, degree: int, active: int, samples: int, shown_units: int = 40) -> Numbers:
    """The edges of the first hidden units as pairs [row, column]: true, found, and found in the order of the match."""
    layer, found, *_ = one_layer(seed, units, degree, active, samples)
    matched = match(layer.positive, found)
    true, by_match = layer.positive[:, :shown_units], found[:, matched.cluster[:shown_units]]
    rows = np.lexsort(true.T[::-1])[::-1][: np.any(true, axis=1).sum()]  # the children of the first unit first, then of the second
    as_found = found[:, np.sort(matched.cluster[:shown_units])]
    return {"rows": len(rows), "columns": shown_units} | {
        name: np.argwhere(edges[rows]).tolist() for name, edges in (("true", true), ("as_found", as_found), ("by_match", by_match))}
