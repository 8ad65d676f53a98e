"""Clustering a sparse matrix into dense blocks: co-clusters run as blocks of weights, the remaining weights as CSR."""

from collections.abc import Callable
from functools import partial
from typing import TypeAlias

import numpy as np

from ... import kernels
from ...array_types import Array, BoolArray, IntArray
from ...kernels.sparse_pattern import SparsePattern
from ..clusters.co_clustering import agreement, co_clusters, fill, greedy_groups, planted
from ..runner.demonstration import Demonstration, Figure, Numbers, Setting, Table
from ..runner.verdicts import CONTRADICTED, HOLDS, PARTLY, Verdict, above
from .break_even import best_dense, timed_rows
from .contest import Contest, Sparse, dense_layer, one_thread

Clusters: TypeAlias = tuple[IntArray, IntArray]  # of each row, of each column

BLOCK = 32
SHAPE = 256, 512  # output channels, input channels
SIDE = 28  # height and width of the map
CASES = {"blocks 95% full, nothing else": (0.95, 0.0), "80% full, 1% outside": (0.8, 0.01), "60% full, 3% outside": (0.6, 0.03),
         "30% full, 8% outside": (0.3, 0.08), "random, 11%": (0.11, 0.11)}
RANDOM = "random, 11%"
CLUSTERED = tuple(CASES)[:2]  # the cases that the claim is about
ENOUGH = 1.2  # times as fast as CSR: more than the effect of other processes on the machine


def split(w: Array, rows: IntArray, columns: IntArray) -> tuple[IntArray, SparsePattern, SparsePattern | None]:
    """(order of the output channels, blocks, rest): the weights [cin, cout] whose channels are sorted by their cluster `rows`, the pattern
    of the blocks where clusters of rows and columns meet, and that of the other weights, or None if there are none."""
    order = np.argsort(rows, kind="stable")
    inside = columns[:, None] == rows[order]
    blocks = SparsePattern.from_mask(inside[None, None], BLOCK)
    rest = (w[:, order] != 0) & (blocks.scatter(np.ones(blocks.values_shape, np.float32))[0, 0] == 0)
    return order, blocks, SparsePattern.from_mask(rest[None, None]) if rest.any() else None


def split_run(x: Array, w: Array, blocks: SparsePattern, rest: SparsePattern | None) -> Callable[[], Array]:
    """A function that convolves `x` with the weights [cin, cout] that `split` has parted: blocks, then CSR, then their sum."""
    parts = [(pattern, pattern.gather(w[None, None])) for pattern in (blocks, rest) if pattern]

    def run() -> Array:
        y: Array
        y, *second = (kernels.native.sparse_conv2d(x, values, pattern=pattern) for pattern, values in parts)
        if second:
            kernels.native.add(y, second[0], out=y)
        return y

    return run


def case_contest(name: str, w: Array, rows: IntArray, columns: IntArray, x: Array) -> Contest:
    """The contest between dense kernels, CSR and clusters for a 1x1 convolution with the weights `w` [cin, cout]."""
    cin, cout = w.shape
    conv = dense_layer(np.random.default_rng(0), cin, cout, 1)
    conv.weight.data[...] = w
    contest, density = Contest(name, conv, x), np.count_nonzero(w) / w.size
    contest.add("CSR", density, SparsePattern.from_mask(w[None, None] != 0))
    order, blocks, rest = split(w, rows, columns)
    run = split_run(x, w[:, order], blocks, rest)
    error = contest.error("clusters", run()[:1], contest.judge(conv.weight.data)[..., order])
    contest.sparse["clusters", density] = Sparse(run, int(np.count_nonzero(w)), error)
    return contest


def recovered(found: Clusters, hidden: Clusters) -> float:
    """The share of the hidden clusters of rows and of columns that was found: the smaller of both."""
    return min(agreement(*pair) for pair in zip(found, hidden, strict=True))


def case_facts(mask: BoolArray, hidden: Clusters | None, found: Clusters) -> Numbers:
    """How well the clusters were found, how full they are, and what grouping rows by 8 would give. hidden: None if there are none."""
    inside = found[0][:, None] == found[1]
    return {"clusters": int(found[0].max()) + 1, "recovered": recovered(found, hidden) if hidden else None,
            "fill": float(mask[inside].mean()), "inside": float(mask[inside].sum() / mask.sum()), "density": float(mask.mean()),
            "fill_8": fill(mask), "fill_8_grouped": fill(mask[greedy_groups(mask)])}


def case(name: str, rounds: int, seed: int) -> Numbers:
    """The numbers of one matrix."""
    rng = np.random.default_rng(seed)
    mask, *hidden = planted(rng, *CASES[name], SHAPE)
    found = co_clusters(mask.astype(float), seed=seed)
    w = np.where(mask, rng.standard_normal(mask.shape), 0).astype(np.float32).T.copy()  # [cin, cout]
    x = rng.standard_normal((1, SIDE, SIDE, len(w)), np.float32)
    rows = timed_rows(case_contest(name, w, *found, x), rounds)
    return {"facts": case_facts(mask, None if name == RANDOM else (hidden[0], hidden[1]), found), "rows": rows}


def measure(setting: Setting) -> Numbers:
    """{"cases": {name: {"facts", "rows"}}}."""
    cases, rounds = {}, 5 if setting.quick else 15
    with one_thread():
        for i, name in enumerate(CASES):
            setting.say(f"  {name}: co-clustering, then CSR against blocks")
            cases[name] = setting.once(f"case_{i}", partial(case, name, rounds, setting.seed))
    return {"cases": cases}


def times(case: Numbers) -> tuple[float, float, float]:
    """(milliseconds of the best dense kernel, of CSR, of the clusters)."""
    ms = {row["kernel"]: row["ms"] for row in case["rows"]}
    return best_dense(case["rows"])["ms"], ms["CSR"], ms["clusters"]


def gain(case: Numbers) -> float:
    """How many times as fast as CSR the clusters are."""
    _, csr, clusters = times(case)
    return csr / clusters


def judge(numbers: Numbers) -> Verdict:
    """The verdict, from the gain with clusters and without."""
    cases = numbers["cases"]
    clustered, random = min(gain(cases[name]) for name in CLUSTERED), gain(cases[RANDOM])
    recovered = min(cases[name]["facts"]["recovered"] for name in CLUSTERED)
    facts = cases[RANDOM]["facts"]
    why = (f"Hidden clusters are found again ({recovered:.0%} of their rows and columns) and, run as blocks, are {clustered:.1f} to "
           f"{max(gain(cases[name]) for name in CLUSTERED):.1f} times as fast as the best CSR. A random mask has none to find: the same "
           f"treatment is {random:.2f} times as fast, and grouping its rows by 8 fills their blocks to {facts['fill_8_grouped']:.0%} "
           f"instead of {facts['fill_8']:.0%}.")
    margins = (above("full blocks, times as fast as CSR", gain(cases[CLUSTERED[0]]), ENOUGH),
               above("all hidden blocks", clustered, ENOUGH), above("a random mask", random, 1))  # fmt: skip
    if not margins[0].answer:
        return Verdict(CONTRADICTED, why, margins)
    return Verdict(HOLDS if clustered >= ENOUGH and random >= 1 else PARTLY, why, margins)


def table(numbers: Numbers) -> Table:
    """A row for each matrix."""
    head = ["matrix", "density", "clusters found", "recovered", "how full", "weights inside",
            "dense, ms", "CSR, ms", "clusters, ms", "against CSR"]
    return head, [[name, *_facts(case["facts"]), *(f"{ms:.3f}" for ms in times(case)), f"{gain(case):.2f}x"]
                  for name, case in numbers["cases"].items()]


def _facts(facts: Numbers) -> list[str]:
    recovered = "none hidden" if facts["recovered"] is None else f"{facts['recovered']:.0%}"
    return [f"{facts['density']:.1%}", str(facts["clusters"]), recovered, f"{facts['fill']:.0%}", f"{facts['inside']:.0%}"]


def draw(numbers: Numbers, figure: Figure) -> None:
    """Milliseconds of dense, CSR and clusters, a group for each matrix."""
    axis, cases = figure.subplots(), numbers["cases"]
    for i, name in enumerate(("best dense kernel", "CSR", "clusters as blocks, the rest as CSR")):
        ms = [times(case)[i] for case in cases.values()]
        axis.bar(np.arange(len(cases)) + 0.27 * (i - 1), ms, 0.25, label=name, color=("0.6", "C1", "C2")[i])
    axis.set_xticks(range(len(cases)), [name.replace(", ", ",\n") for name in cases], fontsize=8)
    axis.set(ylabel="ms")
    axis.legend(fontsize=8)


BLOCKS = Demonstration(
    name="blocks",
    link="L3",
    title="Clustering sparse matrices into dense blocks",
    claim="\"Clustering sparse matrices into relatively dense submatrices tends to give competitive performance for sparse matrix "
          "multiplication\" (section 3, after Catalyurek et al. 2010).",
    experiment=f"{SHAPE[0]} x {SHAPE[1]} matrices of about 11% density with eight hidden blocks, more or less full, rows and columns "
               "shuffled; spectral co-clustering, without knowing their number or places, finds them again. The blocks run as dense "
               f"blocks of weights and the rest as CSR, against CSR for all, as a 1x1 convolution of {SIDE}x{SIDE} pixels on one thread. A "
               "random mask is the counter-example.",
    rule=f"holds: where blocks are at least 80% full, clusters run at least {ENOUGH} times as fast as the best CSR, and on a random mask "
         "they are no slower. Holds partly: at least where blocks are 95% full and nothing lies outside. Contradicted: otherwise.",
    measure=measure,
    judge=judge,
    table=table,
    figures={"F5c": ("The same weights as CSR and as clusters.", draw)},
)
