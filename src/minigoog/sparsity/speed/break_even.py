"""At which density sparse weights pay on layers of GoogLeNet, for each kernel, against the best dense kernel of this engine."""

from collections.abc import Sequence
from statistics import median
from typing import Any, TypeAlias

import numpy as np

from ... import kernels
from ...array_types import Array
from ...models.googlenet import TABLE_1
from ...nn import Conv2d
from ..runner.demonstration import Demonstration, Figure, Numbers, Rows, Setting, Table
from ..runner.verdicts import CONTRADICTED, HOLDS, PARTLY, Verdict, below
from .contest import Contest, dense_layer, fastest, one_thread, random_pattern

Densities: TypeAlias = dict[str, Sequence[float]]  # {kernel: densities}

FORMATS = {"textbook": 1, "CSR": 1, "blocks of 32": 32}  # rows that share their columns
DENSITIES: Densities = {
    "textbook": (0.005, 0.01, 0.02, 0.05),
    "CSR": (0.01, 0.05, 0.1, 0.2, 0.4, 1.0),
    "blocks of 32": (0.01, 0.05, 0.1, 0.2, 0.4, 0.7, 1.0),
}
WIDTHS = {row: widths for row, *widths in TABLE_1}  # in, 1x1, 3x3 reduce, 3x3, 5x5 reduce, 5x5, pool
LAYERS = {  # name: map size, channels in and out, window. One of each kind.
    "conv2 3x3": (56, 64, 192, 3),
    "3a 1x1": (28, WIDTHS["3a"][0], WIDTHS["3a"][1], 1),
    "3a 3x3": (28, WIDTHS["3a"][2], WIDTHS["3a"][3], 3),
    "3b 5x5": (28, WIDTHS["3b"][4], WIDTHS["3b"][5], 5),
    "4a 1x1": (14, WIDTHS["4a"][0], WIDTHS["4a"][1], 1),
    "4e 3x3": (14, WIDTHS["4e"][2], WIDTHS["4e"][3], 3),
    "5b 1x1": (7, WIDTHS["5b"][0], WIDTHS["5b"][1], 1),
    "5b 3x3": (7, WIDTHS["5b"][2], WIDTHS["5b"][3], 3),
}
QUICK = ("3a 3x3", "4a 1x1", "4e 3x3", "5b 1x1")
PIXELS = 784  # of all images together, at least: with fewer, every kernel would wait for its weights
FC6, FC6_SHAPE = "AlexNet fc6", (9216, 4096)  # with one image: 151 MB of weights, each used once
FC6_DENSITIES: Densities = {"textbook": (0.1,), "CSR": (0.01, 0.1), "blocks of 32": (0.1,)}


def random_contest(layer: str, conv: Conv2d, x: Array, densities: Densities = DENSITIES) -> Contest:
    """The contest between the dense kernels and random masks of these densities, {kernel: densities}."""
    contest, rng = Contest(layer, conv, x), np.random.default_rng(0)
    for kernel, of_kernel in densities.items():
        for density in of_kernel:
            contest.add(kernel, density, random_pattern(conv.weight.shape, density, FORMATS[kernel], rng))
    return contest


def break_even(rows: Rows, kernel: str) -> float:
    """The density up to which `kernel` is faster than the best dense one, interpolated between those measured: 0 if it never is."""
    found = sorted((row["density"], row["x_dense"]) for row in rows if row["kernel"] == kernel)
    last_density, last = 0.0, None
    for density, ratio in found:
        if ratio < 1:
            slow, fast = 1 / ratio, 0.0 if last is None else 1 / last  # times, in those of the dense kernel
            return last_density + (density - last_density) * (1 - fast) / (slow - fast) if last else 0.0
        last_density, last = density, ratio
    return last_density


def limit_text(limit: float, densities: Sequence[float]) -> str:
    """A break-even density as text, with < or > if it lies outside the measured densities."""
    return f"> {max(densities):g}" if limit >= max(densities) else f"< {min(densities):g}" if not limit else f"{limit:.3f}"


def by_layer(rows: Rows) -> dict[str, Rows]:
    """{layer: its rows}, in their order."""
    return {layer: [row for row in rows if row["layer"] == layer] for layer in dict.fromkeys(row["layer"] for row in rows)}


def peak() -> float:
    """The peak of one core in GFLOP/s, measured now."""
    return float(kernels.native.machine.peak_gflops(5))


def timed_rows(contest: Contest, rounds: int) -> Rows:
    """The rows of a contest, timed on one thread."""
    return contest.rows(fastest(contest.runs, rounds), peak())


def layer_rows(name: str, rounds: int, seed: int) -> Rows:
    """The rows of a layer of GoogLeNet, with images enough for PIXELS."""
    side, cin, cout, k = LAYERS[name]
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((max(1, PIXELS // side**2), side, side, cin), np.float32)
    return timed_rows(random_contest(name, dense_layer(rng, cin, cout, k, padding=k // 2), x), rounds)


def fc6_rows(rounds: int, seed: int) -> Rows:
    """The rows of a layer that is limited by memory and not by arithmetic."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((1, 1, 1, FC6_SHAPE[0]), np.float32)
    return timed_rows(random_contest(FC6, dense_layer(rng, *FC6_SHAPE, 1), x, FC6_DENSITIES), rounds)


def measure(setting: Setting) -> Numbers:
    """{"isa", "rows": a row for each layer, kernel and density}."""
    rounds = 3 if setting.quick else 9
    rows: Rows = []
    with one_thread():
        for name in QUICK if setting.quick else LAYERS:
            setting.say(f"  {name}: dense, textbook CSR, CSR and blocks by density")
            rows += setting.rows(name, layer_rows, name, rounds, setting.seed)
        setting.say(f"  {FC6}: a layer limited by memory")
        rows += setting.rows(FC6, fc6_rows, rounds, setting.seed)
    return {"isa": kernels.native.machine.isa(), "rows": rows}


def at(rows: Rows, kernel: str, density: float) -> Numbers:
    """The row of a kernel at a density."""
    return next(row for row in rows if (row["kernel"], row["density"]) == (kernel, density))


def best_dense(rows: Rows) -> Numbers:
    """The row of the fastest dense kernel."""
    return next(row for row in rows if row["kernel"] == row["best_dense"])


def judge(numbers: Numbers) -> Verdict:
    """The verdict, from the median of the layers: the gain of CSR at 1%, and the cost of one of its operations at 10%."""
    layers = by_layer(numbers["rows"])
    fc6 = layers.pop(FC6)
    gain = median(at(rows, "CSR", 0.01)["x_dense"] for rows in layers.values())
    speed, blocks = (median(at(rows, kernel, 0.1)["gflops"] / best_dense(rows)["gflops"] for rows in layers.values())
                     for kernel in ("CSR", "blocks of 32"))
    textbook = median(at(rows, "textbook", 0.01)["x_dense"] for rows in layers.values())
    limit = median(break_even(rows, "CSR") for rows in layers.values())
    why = (f"With 100 times fewer operations the best unstructured kernel is {gain:.1f} times faster than the best dense one and a "
           f"textbook's {textbook:.1f} times (medians of {len(layers)} layers); it pays up to a density of {limit:.0%}. At 10% an "
           f"operation runs at {speed:.0%} of dense speed, in blocks of 32 at {blocks:.0%}. Where memory is the limit, {FC6} at 10%, CSR "
           f"is {at(fc6, 'CSR', 0.1)['x_dense']:.1f} times as fast as dense. {remains(gain, speed, blocks)}")
    margins = (below("CSR at 1%, times as fast as dense", gain, 1), below("speed of an operation at 10%, of dense", speed, 0.5))
    return Verdict(HOLDS if margins[0].answer else PARTLY if speed < 0.5 else CONTRADICTED, why, margins)


def remains(gain: float, speed: float, blocks: float) -> str:
    """What remains of the paper's conclusion. gain: of CSR at 1%; speed, blocks: of an operation at 10%, as shares of a dense one's."""
    if gain <= 1:
        return "The conclusion stands: weights that are left out one by one do not pay."
    if speed > 0.5:
        return "Little remains of the conclusion: such weights pay, and an operation costs less than twice a dense one."
    dearer = "which is cheaper than outside of blocks" if blocks > speed else "blocks are no cheaper"
    return (f"Of the conclusion remains that an operation costs {1 / speed:.1f} dense ones, and {1 / blocks:.1f} in blocks, {dearer}; "
            "not that sparse weights do not pay.")


def table(numbers: Numbers) -> Table:
    """A row for each layer."""
    head = ["layer", "dense, GFLOP/s", "its kernel", *(f"{kernel}: pays up to" for kernel in FORMATS), "textbook at 1%", "CSR at 1%",
            "CSR at 10%, GFLOP/s", "blocks at 10%, GFLOP/s"]
    return head, [[layer, *_cells(rows)] for layer, rows in by_layer(numbers["rows"]).items()]


def _cells(rows: Rows) -> list[str]:
    best = best_dense(rows)
    tried = {kernel: [row["density"] for row in rows if row["kernel"] == kernel] for kernel in FORMATS}
    gains = [[row["x_dense"] for row in rows if row["kernel"] == kernel and row["density"] == 0.01] for kernel in ("textbook", "CSR")]
    return [f"{best['gflops']:.0f}", best["kernel"], *(limit_text(break_even(rows, kernel), tried[kernel]) for kernel in FORMATS),
            *(f"{gain[0]:.1f}x dense" if gain else "" for gain in gains),
            *(f"{at(rows, kernel, 0.1)['gflops']:.0f}" for kernel in ("CSR", "blocks of 32"))]


def draw(numbers: Numbers, figure: Figure) -> None:
    """F5: GFLOP/s by density, a panel for each layer, a line for each kernel."""
    layers = by_layer(numbers["rows"])
    columns = min(3, len(layers))
    axes = figure.subplots(-(-len(layers) // columns), columns, sharex=True, squeeze=False)
    for axis in axes.flat[len(layers) :]:
        axis.set_visible(False)
    for axis, (layer, rows) in zip(axes.flat, layers.items(), strict=False):
        _draw_layer(axis, layer, rows)
    figure.legend(*axes.flat[0].get_legend_handles_labels(), fontsize=7, ncols=5, loc="outside lower center")
    for axis in axes[-1]:
        axis.set_xlabel("density of the weights")  # not of the whole figure: that would be drawn through the legend
    for axis in axes[:, 0]:
        axis.set_ylabel("GFLOP/s on what is left", fontsize=8)


def _draw_layer(axis: Any, layer: str, rows: Rows) -> None:
    best, grid = best_dense(rows)["gflops"], np.geomspace(0.005, 1, 50)
    axis.axhline(best, color="k", lw=1, label="best dense kernel")
    axis.plot(grid, best * grid, "k:", lw=1, label="as fast as dense")
    for i, kernel in enumerate(FORMATS):
        points = sorted((row["density"], row["gflops"]) for row in rows if row["kernel"] == kernel)
        label = "textbook CSR" if kernel == "textbook" else kernel
        axis.plot(*zip(*points, strict=True), "o-", ms=3, lw=1, color=f"C{i}", label=label)
        limit = break_even(rows, kernel)
        if 0 < limit < points[-1][0]:
            axis.plot(limit, best * limit, "x", color=f"C{i}", ms=9, mew=2)
    axis.set(xscale="log", yscale="log", title=layer)
    axis.title.set_fontsize(9)


BREAK_EVEN = Demonstration(
    name="break_even",
    link="L2",
    title="At which density sparse weights pay",
    claim="Hardware is bad at non-uniform sparsity: \"even if the number of arithmetic operations is reduced by 100x, the overhead of "
          "lookups and cache misses is so dominant that switching to sparse matrices would not pay off\" (section 3).",
    experiment="Random masks on layers of GoogLeNet, from 0.5% to 100% of the weights, by three kernels: textbook CSR (one "
               "number at a time: slow, and not what sparse can do), CSR with sums of up to 96 pixels in registers, and blocks of 32 "
               "output channels that share their inputs. The reference is the fastest dense kernel of this engine, including Winograd's. "
               "One thread, all in turns. One layer limited by memory is the counter-example: AlexNet's fc6 on one image.",
    rule="holds: at a density of 1% the best unstructured kernel is no faster than the best dense one (median of the convolutions). "
         "Holds partly: it is faster, but at 10% one of its operations takes at least twice as long as one of the best dense kernel "
         "(median). Contradicted: otherwise.",
    measure=measure,
    judge=judge,
    table=table,
    figures={"F5": ("GFLOP/s by density. Crosses: where a kernel takes as long as the best dense one.", draw)},
)
