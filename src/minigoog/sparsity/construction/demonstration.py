"""L1: a sparse network can be built layer by layer from correlations (Arora et al. 2013), on networks whose edges are known."""

import statistics
from typing import Any

from ..runner.demonstration import Demonstration, Numbers, Rows, Setting, Table
from ..runner.verdicts import CONTRADICTED, HOLDS, PARTLY, UNDECIDED, Verdict, above
from . import experiment
from .figures import draw_adjacency, draw_crowding, draw_samples

BENCH = (1000, 8, 3, 16000)  # units, positive edges of each, active ones, samples: the network that the verdict is based on
FULL: dict[str, Any] = {
    "sizes": ((1000, 3), (2000, 6), (3000, 9)), "degree": 8, "times": (0.125, 0.25, 0.5, 1, 2, 3, 4, 6, 8, 16),
    "actives": (1, 2, 3, 4, 5, 6, 8, 10, 12, 16), "degrees": (4, 6, 8, 10, 12, 14, 16, 20), "seeds": 3,
    "two_layers": (4000, 6, 2, 100_000), "negatives": (1000, 8, 4, 200_000),
}
QUICK: dict[str, Any] = {
    "sizes": ((400, 2), (800, 4), (1200, 6)), "degree": 6, "times": (0.125, 0.25, 0.5, 1, 2, 4, 8),
    "actives": (1, 3, 6, 10, 16), "degrees": (4, 8, 12, 16), "seeds": 1,
    "two_layers": (2500, 5, 2, 50_000), "negatives": (500, 6, 3, 100_000),
}
WELL, FEW_SAMPLES, MANY_SAMPLES, DEEP, PRECISION, RECALL = 0.97, 0.25, 8, 2 / 3, 0.8, 0.9


def measure(setting: Setting) -> Numbers:
    """The numbers of all parts, by the part's name."""
    sizes, numbers = QUICK if setting.quick else FULL, {}
    rows, say, seed = experiment.recovery, setting.say, setting.seed
    parts = {
        "bench": lambda: {"rows": [rows(seed + i, *BENCH) for i in range(sizes["seeds"])]},
        "control": lambda: {"rows": [rows(seed + i, *BENCH, shuffled=True) for i in range(sizes["seeds"])]},
        "samples": lambda: experiment.by_samples(say, seed, sizes["sizes"], sizes["degree"], sizes["times"]),
        "density": lambda: experiment.by_density(say, seed, *BENCH[:2], sizes["actives"]),
        "degree": lambda: experiment.by_degree(say, seed, BENCH[0], 2, sizes["degrees"]),
        "two_layers": lambda: experiment.two_layers(seed, *sizes["two_layers"]),
        "negatives": lambda: experiment.negatives(seed, *sizes["negatives"]),
        "adjacency": lambda: experiment.adjacency(seed, *BENCH),
    }
    for name, compute in parts.items():
        say(f"arora: {name.replace('_', ' ')}")
        numbers[name] = setting.once(name, compute)
    return numbers


def mean(rows: Rows, key: str) -> float:
    """The mean of one number over rows."""
    return float(statistics.mean(row[key] for row in rows))


def judge(numbers: Numbers) -> Verdict:
    """The verdict: from BENCH and its control, then from samples, two layers and negative edges."""
    good, exact = (mean(numbers["bench"]["rows"], key) for key in ("good", "exact"))
    matches = sum(row["matches"] for row in numbers["control"]["rows"])
    many = min(row["good"] for row in numbers["samples"]["rows"] if row["often"] >= MANY_SAMPLES)
    few = max(row["good"] for row in numbers["samples"]["rows"] if row["often"] <= FEW_SAMPLES)
    two, edges = numbers["two_layers"], numbers["negatives"]
    units, degree, active, samples = BENCH
    why = (f"Of {units} units with {degree} positive edges, {active} of them active, {samples:,} samples give back {good:.1%} with a "
           f"Jaccard index of 0.8 or more ({exact:.1%} exactly); shuffled samples give back {matches}. With many samples at least "
           f"{many:.1%} come back at any size, with few at most {few:.1%}. Of two layers {two['lower']['good']:.1%} of the lower and "
           f"{two['upper']['good']:.1%} of the upper; negative edges with precision {edges['precision']:.2f} and recall "
           f"{edges['recall']:.2f}.")
    margins = (above("units that come back", good, WELL), above("with many samples, at any size", many, WELL))
    if matches:
        return Verdict(UNDECIDED, f"{why} What finds units in noise shows nothing.", margins)
    if good < WELL:
        return Verdict(CONTRADICTED, why, margins)
    rest = (many >= WELL and few < 0.5, min(two["lower"]["good"], two["upper"]["good"]) >= DEEP,
            edges["precision"] >= PRECISION and edges["recall"] >= RECALL)
    return Verdict(HOLDS if all(rest) else PARTLY, why, margins)


def table(numbers: Numbers) -> Table:
    """A row for each network."""
    names = {"bench": "the point of the rule", "control": "control: shuffled samples", "samples": "by samples", "density": "by density",
             "degree": "by degree"}
    head = ["experiment", "units", "positive edges", "active", "samples", "clusters", "exact", "Jaccard 0.8 or more"]
    rows = [[name, *(f"{row[key]:,}" for key in ("units", "degree", "active", "samples", "clusters")), f"{row['exact']:.1%}",
             f"{row['good']:.1%}"] for part, name in names.items() for row in numbers[part]["rows"]]
    two, edges = numbers["two_layers"], numbers["negatives"]
    for layer in ("lower", "upper"):
        rows.append([f"two layers: the {layer}", *(f"{two[key]:,}" for key in ("units", "degree", "active", "samples")), "",
                     f"{two[layer]['exact']:.1%}", f"{two[layer]['good']:.1%}"])
    rows.append(["negative edges: precision, recall", *(f"{edges[key]:,}" for key in ("units", "degree", "active", "samples")), "",
                 f"{edges['precision']:.1%}", f"{edges['recall']:.1%}"])
    return head, rows


ARORA = Demonstration(
    name="arora",
    link="L1",
    title="A sparse network can be built from correlations",
    claim="If the data come from a large, very sparse deep network, its topology can be constructed layer by layer by analysing the "
          "correlation statistics of the activations of the last layer and clustering neurons with highly correlated outputs (section 2, "
          "after Arora et al. 2013).",
    experiment="Random networks with known edges (weights +1 and -1) show samples; PairwiseGraph, RecoverGraph, PartialEncoder and "
               "LearnGraph get the samples alone and must give back the edges: for samples, densities and degrees of all kinds, for two "
               "layers, the upper learned from the code recovered for the lower, and as a control for samples in which each unit was "
               "shuffled by itself.",
    rule=f"contradicted: fewer than {WELL:.0%} of {BENCH[0]} units with {BENCH[1]} positive edges ({BENCH[2]} active, {BENCH[3]:,} "
         f"samples) come back with a Jaccard index of 0.8 or more. Undecided: any comes back from shuffled samples. Holds: in addition "
         f"the number of samples decides (at least {WELL:.0%} where a unit is on {MANY_SAMPLES} ln n times or more, at any size; "
         f"less than half where it is at most {FEW_SAMPLES} ln n times), at least {DEEP:.0%} of each of two layers come back, and "
         f"negative edges have precision {PRECISION} and recall {RECALL} or more. Holds partly: otherwise.",
    measure=measure,
    judge=judge,
    table=table,
    figures={
        "F1": ("Units recovered against how often a unit was seen on: one cliff for all sizes.", draw_samples),
        "F2": ("Units recovered against density rho d^2, and against the number of edges.", draw_crowding),
        "F3": ("Edges of the first hidden units: there; found, in the order in which they were; found, permuted by the match.",
               draw_adjacency),
    },
)
