"""The same function three ways: a sparse 5x5 convolution, its channels grouped by support, the reduced Inception module. In turns."""

from collections.abc import Sequence
from functools import partial

import numpy as np

from ..runner.demonstration import Demonstration, Figure, Numbers, Setting, Table
from ..runner.verdicts import CONTRADICTED, HOLDS, PARTLY, Verdict, above, below
from ..speed.break_even import peak
from ..speed.contest import fastest, one_thread
from .forms import BLOCKS, CSR, DENSE, MODULES, NAIVE, RANDOM, REDUCED, TEXTBOOK, WAYS, Forms

CLEARLY = 1.2  # times as fast: more than the effect of other processes on the machine


def module_numbers(row: str, rounds: int, seed: int) -> Numbers:
    """{"images", "groups", "rows": one for each way}."""
    forms = Forms(row, seed)
    runs = forms.runs()
    errors, misses, top, ms = forms.errors(runs), forms.misses(), peak(), fastest(runs, rounds)
    best = min((key for key in runs if isinstance(key, tuple)), key=lambda key: ms[key])
    rows = []
    for way in WAYS:
        key, weights, images = best if way == DENSE else way, forms.weights_of(way), 1 if way == TEXTBOOK else len(forms.x)
        multiply_adds = weights * forms.side**2
        rows.append({"way": way, "kernel": best[1] if way == DENSE else "", "ms": ms[key] / images, "multiply_adds": multiply_adds,
                     "gflops": 2e-6 * multiply_adds * images / ms[key], "misses": misses[way], "density": weights / forms.w.size,
                     "error": errors.get(key)})
    groups = [[size, len(channels)] for size, channels in forms.groups]
    return {"images": len(forms.x), "groups": groups, "peak": top, "largest_error": max(errors.values()), "rows": rows}


def measure(setting: Setting) -> Numbers:
    """{"modules": {row of table 1: its numbers}}."""
    modules, rounds = {}, 2 if setting.quick else 9
    with one_thread():
        for row, side in MODULES.items():
            setting.say(f"  {row}, {side}x{side}: one function as 5x5, grouped by support, reduced")
            modules[row] = setting.once(row, partial(module_numbers, row, rounds, setting.seed))
    return {"modules": modules}


def by_way(numbers: Numbers) -> dict[str, Numbers]:
    """{way: its row} of one module."""
    return {row["way"]: row for row in numbers["rows"]}


def grouped_ms(ways: dict[str, Numbers]) -> float:
    """Milliseconds of the channels grouped by support, by the faster of their two kernels."""
    return float(min(ways[BLOCKS]["ms"], ways[NAIVE]["ms"]))


def judge(numbers: Numbers) -> Verdict:
    """The verdict, from errors, the order of times, and the cost of an unstructured operation."""
    modules = {row: by_way(found) for row, found in numbers["modules"].items()}
    error = max(found["largest_error"] for found in numbers["modules"].values())
    grouped = [ways[CSR]["ms"] / grouped_ms(ways) for ways in modules.values()]
    reduced = [grouped_ms(ways) / ways[REDUCED]["ms"] for ways in modules.values()]
    random = [ways[RANDOM]["ms"] / ways[REDUCED]["ms"] for ways in modules.values()]
    why = (f"Outputs differ by at most {error:.2f} of the rounding bound. Grouped by support the same weights run {_span(grouped)} times "
           f"as fast as CSR; the reduced module, whose weights have low rank, {_span(reduced)} times as fast again; unstructured weights "
           f"with as many multiply-adds take {_span(random)} times as long as the reduced module "
           f"({', '.join(f'{side}x{side}' for side in MODULES.values())}).")
    times = {"grouped by support, times as fast as CSR": grouped, "reduced, times as fast again": reduced,
             "unstructured, times as long": random}  # fmt: skip
    margins = (below("largest error, of its bound", error, 1), *(above(name, min(each), CLEARLY) for name, each in times.items()))
    if error > 1 or min(grouped) < CLEARLY:
        return Verdict(CONTRADICTED, why, margins)
    return Verdict(HOLDS if min(reduced) >= CLEARLY and min(random) >= CLEARLY else PARTLY, why, margins)


def _span(values: Sequence[float]) -> str:
    return ", ".join(f"{value:.1f}" for value in values)


def table(numbers: Numbers) -> Table:
    """A row for each module and way."""
    head = ["module", "way", "ms an image", "M multiply-adds", "density of 5x5", "GFLOP/s", "misses for 1,000", "error / bound"]
    return head, [[f"{row} {MODULES[row]}x{MODULES[row]}", *_cells(way)]
                  for row, found in numbers["modules"].items() for way in found["rows"]]


def _cells(way: Numbers) -> list[str]:
    name = f"{way['way']} ({way['kernel']})" if way["kernel"] else way["way"]
    error = "another function" if way["error"] is None else f"{way['error']:.2f}"
    return [name, f"{way['ms']:.2f}", f"{way['multiply_adds'] / 1e6:.0f}", f"{way['density']:.1%}", f"{way['gflops']:.0f}",
            f"{way['misses']:.1f}", error]


def draw(numbers: Numbers, figure: Figure) -> None:
    """F6: milliseconds, multiply-adds and GFLOP/s of each way, a group of bars for each module."""
    modules = {row: by_way(found) for row, found in numbers["modules"].items()}
    panels = (("ms", "ms an image", 1), ("multiply_adds", "M multiply-adds", 1e-6), ("gflops", "GFLOP/s", 1))
    width = 0.8 / len(WAYS)
    for axis, (key, title, scale) in zip(figure.subplots(1, 3), panels, strict=True):
        for i, way in enumerate(WAYS):
            heights = [ways[way][key] * scale for ways in modules.values()]
            places = np.arange(len(modules)) + (i - len(WAYS) / 2 + 0.5) * width
            axis.bar(places, heights, width, label=way, color=f"C{i}", hatch="//" if way == RANDOM else "")
        axis.set_xticks(range(len(modules)), [f"{row}\n{MODULES[row]}x{MODULES[row]}" for row in modules])
        axis.set(title=title, yscale="linear" if key == "gflops" else "log")
    figure.legend(*axis.get_legend_handles_labels(), fontsize=7, ncols=4, loc="outside lower center")


THREE_WAYS = Demonstration(
    name="three_ways",
    link="L4",
    title="One function three ways",
    claim="Filter-level sparsity run as dense matrices is the Inception module: clusters of a sparse layer \"covered by\" 1x1, 3x3 and "
          "5x5 convolutions (sections 3 and 4).",
    experiment="A linear Inception module, its reductions multiplied out, is a 5x5 convolution with a third of its weights left. The "
               "same function runs as that (dense, CSR), with its channels grouped by the positions at which they have weights, which is "
               "the naive module recovered, and in its original reduced form. For comparison, a random 5x5 mask with as many "
               "multiply-adds as the reduced form. One thread, in turns. From 5x5 to naive is sparsity; from naive to reduced is low "
               "rank, and no sparsity.",
    rule=f"holds: at every size all outputs agree within the float32 bound, grouping is at least {CLEARLY} times as fast as CSR, the "
         f"reduced form at least {CLEARLY} times as fast as that, and unstructured weights with as many multiply-adds take at least "
         f"{CLEARLY} times as long. Holds partly: outputs agree and grouping beats CSR. Contradicted: otherwise.",
    measure=measure,
    judge=judge,
    table=table,
    figures={"F6": ("One function three ways. Hatched: another function, unstructured, with as many multiply-adds as reduced.", draw)},
)
