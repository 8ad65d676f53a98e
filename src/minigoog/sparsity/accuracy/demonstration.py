"""D8: the accuracy gained by the pattern of the weights and by the 1x1 reduction, at equal multiply-adds and at equal milliseconds."""

import math
from collections.abc import Collection
from dataclasses import replace
from functools import partial

from ..runner.demonstration import Demonstration, Numbers, Setting, Table
from ..runner.verdicts import Margin, Verdict, combined, needed
from .budget import EQUAL
from .experiment import AXES, Experiment
from .figure import draw
from .networks import NETWORKS

MARGIN = 0.005  # accuracy: smaller differences do not count
ERRORS = 2  # standard errors of a difference that it must exceed
WORSE = 0.015  # accuracy; "no worse" means that a loss this large is ruled out
HEADINGS = ["network", "equal", "M multiply-adds", "ms", "parameters", "learning rate", "accuracy", "± (seeds)", "of training images"]


def measure(setting: Setting, names: Collection[str] = NETWORKS) -> Numbers:
    """The numbers of these networks. Two demonstrations share the runs, which are stored in the folder of the first."""
    return Experiment(replace(setting, folder=setting.folder.parent / ACCURACY.name), names).numbers()


def difference(numbers: Numbers, a: str, b: str, axis: str) -> tuple[float, float]:
    """(mean accuracy of a minus that of b, two standard errors of that) at equal `axis`."""
    rows = {row["network"]: row for row in numbers["networks"] if row["axis"] == axis}
    error = math.sqrt(sum(rows[name]["deviation"] ** 2 / len(rows[name]["accuracy"]) for name in (a, b)))
    return rows[a]["mean"] - rows[b]["mean"], ERRORS * error


def better(numbers: Numbers, a: str, b: str, axis: str) -> Margin:
    """Whether a is better than b by more than chance explains; no if a gain of MARGIN can be ruled out."""
    by, chance = difference(numbers, a, b, axis)
    answer = True if by > max(MARGIN, chance) else False if by + chance <= MARGIN else None
    distance = by if by > MARGIN else MARGIN - by
    return _margin(f"{a} better than {b} at equal {axis}", by, chance, MARGIN, answer, needed(_seeds(numbers), chance, distance))


def no_worse(numbers: Numbers, a: str, b: str, axis: str) -> Margin:
    """Whether it can be ruled out that a is worse than b by WORSE; no if it is certain."""
    by, chance = difference(numbers, a, b, axis)
    answer = True if by - chance > -WORSE else False if by + chance < -WORSE else None
    seeds = needed(_seeds(numbers), chance, abs(by + WORSE))
    return _margin(f"{a} no worse than {b} at equal {axis}", by, chance, -WORSE, answer, seeds)


def _seeds(numbers: Numbers) -> int:
    """Of each network."""
    return len(numbers["networks"][0]["accuracy"])


def _margin(about: str, by: float, chance: float, threshold: float, answer: bool | None, seeds: int) -> Margin:
    """In points of accuracy."""
    return Margin(about, 100 * by, 100 * chance, 100 * threshold, answer, " points", 0 if answer is not None else seeds)


def _words(numbers: Numbers, a: str, b: str) -> str:
    """a against b, as text, on both axes."""
    found = [(*(100 * x for x in difference(numbers, a, b, axis)), axis) for axis in AXES]
    return f"{a} against {b}: " + ", ".join(f"{by:+.1f} ± {chance:.1f} points at equal {axis}" for by, chance, axis in found)


def judge_reduction(numbers: Numbers) -> Verdict:
    """L6: does the 1x1 reduction pay?"""
    wins = tuple(better(numbers, "reduced", other, axis) for other in ("multi-branch", "naive") for axis in AXES)
    why = "; ".join(_words(numbers, "reduced", other) for other in ("multi-branch", "naive", "plain 3x3"))
    return Verdict(combined(win.answer for win in wins), f"{why}.{unequal(numbers)}", wins)


def judge_patterns(numbers: Numbers) -> Verdict:
    """L4: do clusters cost nothing, and is sparse better than narrow?"""
    clusters = [no_worse(numbers, "clustered", "random 5x5", axis) for axis in AXES]
    sparse = better(numbers, "clustered", "dense 5x5", AXES[0])
    both = [margin.answer for margin in clusters]
    free = all(both) or (False if False in both else None)  # clusters cost nothing, at both budgets
    pairs = (("clustered", "random 5x5"), ("clustered", "dense 5x5"), ("random 5x5", "dense 5x5"), ("clustered", "plain 3x3"),
             ("random in branches", "clustered"))  # fmt: skip
    why = "; ".join(_words(numbers, *pair) for pair in pairs)
    return Verdict(combined([free, sparse.answer]), f"{why}.{unequal(numbers)}", (*clusters, sparse))


def off(numbers: Numbers, row: Numbers) -> float:
    """How far the milliseconds of a row differ from those that it was made for, as a share; 0 for a row of the other budget."""
    if row["axis"] != AXES[1] or "ms" not in row:
        return 0.0
    return float(row["ms"] / numbers["ms"] - 1)


def unequal(numbers: Numbers) -> str:
    """A sentence that names the networks whose milliseconds are not equal after all."""
    found = [f"{row['network']} {off(numbers, row):+.0%}" for row in numbers["networks"] if abs(off(numbers, row)) > EQUAL]
    return f" Not at equal milliseconds: {', '.join(found)}." if found else ""


def table(numbers: Numbers) -> Table:
    """A row for each network and budget, the most accurate first."""
    return HEADINGS, [_line(numbers, row) for row in sorted(numbers["networks"], key=lambda row: (AXES.index(row["axis"]), -row["mean"]))]


def _line(numbers: Numbers, row: Numbers) -> list[str]:
    """A row as text."""
    marked = f" ({off(numbers, row):+.0%}: not equal)" if abs(off(numbers, row)) > EQUAL else ""
    cost = f"{row['multiply_adds'] / 1e6:.2f}", f"{row['ms']:.3f}{marked}", f"{row['parameters']:,}", f"{row['rate']:g}"
    spread = f"{100 * row['deviation']:.2f} ({len(row['accuracy'])})"
    return [row["network"], row["axis"], *cost, f"{row['mean']:.2%}", spread, f"{row['train_mean']:.2%}"]


PATTERNS = ("dense 5x5", "random 5x5", "clustered", "random in branches", "plain 3x3", "multi-branch")
HOW = (
    "Networks with one stem, three blocks and one head, in `accuracy` also two with plans of their own (NiN-like, AlexNet-like), all with "
    "batch normalisation, are made as wide as a budget allows: once of multiply-adds, counted from the operations that run, once of the "
    "milliseconds that the reduced network takes for an image on this machine. Each has the learning rate that was best on a hold-out, and "
    "is trained from several seeds. "
)
BETTER = "Better: by more than 0.5 points and two standard errors of the difference (±)."
NO_WORSE = "No worse: not 1.5 points worse even after two standard errors."

ACCURACY = Demonstration(
    name="accuracy",
    link="L6",
    title="Accuracy at equal budgets: does the 1x1 reduction pay?",
    claim="5x5 convolutions on many channels and pools that pass all channels on blow computation up; 1x1 convolutions before them keep "
    "it in check, because even low-dimensional embeddings hold much information (section 4). So at equal cost the reduced module should "
    "do better.",
    experiment=HOW + "The reduced module keeps at least 8 channels before its 5x5. Reduction is low rank, not sparsity.",
    rule="holds: the reduced network is better than the one with branches but no reduction and than the naive one, at equal multiply-adds "
    "and at equal milliseconds. Holds partly: in at least one of these four comparisons. Contradicted: a gain of half a point is "
    "ruled out in all. Undecided: otherwise. " + BETTER,
    measure=measure,
    judge=judge_reduction,
    table=table,
    figures={
        "F9": (
            "Accuracy on the test images against multiply-adds and against milliseconds for an image: mean and spread of the seeds. "
            "Filled: networks made for the same multiply-adds; open: for the same milliseconds.",
            draw,
        )
    },
    seeded=True,
)

PATTERN = Demonstration(
    name="patterns",
    link="L4",
    title="Accuracy at equal budgets: does it matter where the zeros are?",
    claim="Sparsity at the level of filters, executed as dense blocks, approximates the optimal sparse structure (section 4): then "
    "clusters should cost no accuracy against weights at any place, and sparse and wide should do better than dense and narrow.",
    experiment=HOW + "The random 5x5 has exactly as many channels, weights and multiply-adds as the clustered one (1x1, 3x3 and 5x5 side "
    "by side, without a pooling branch), at fixed random places, and runs on the sparse kernels. A third one has "
    "the branches of the clustered one, each with half of its weights at random places, and is as much wider as that allows. The runs are "
    "those of `accuracy`.",
    rule="holds: the clustered network is no worse than the random one at equal multiply-adds and at equal milliseconds, and better than "
    "the narrow dense 5x5 at equal multiply-adds. Holds partly: one of both. Contradicted: both are ruled "
    "out. Undecided: otherwise. " + f"{BETTER} {NO_WORSE}",
    measure=partial(measure, names=PATTERNS),
    judge=judge_patterns,
    table=table,
    seeded=True,
)
