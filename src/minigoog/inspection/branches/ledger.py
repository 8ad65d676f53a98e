"""The branch ledger: what each branch of a network costs, and the accuracy lost without it."""

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ... import figures
from ...array_types import Array, IntArray
from ...metrics import top_k_error
from ...nn import evaluation_mode
from ...nn.module import Module, Parameter
from ...tensor import Tensor, no_grad
from ...text import aligned, human_bytes
from ..trace.trace import trace
from .branch import Branch, branches_of, silence

BATCH = 32  # images that go through the network together
REPEATS = 5  # measurements; the median is used
HEADING = ("module", "branch", "parameters", "multiply-adds", "ms", "GFLOP/s", "memory", "gradient", "accuracy lost")


class Row(NamedTuple):
    """A branch. Multiply-adds, `ms` (forward) and bytes of all its maps are for one image, measured in a batch.

    gradient_norm: norm of the gradient of all its parameters together. accuracy_lost: by how much the accuracy falls when the
    branch outputs zeros; None without labels."""

    module: str
    branch: str
    parameters: int
    multiply_adds: int
    ms: float
    bytes: int
    gradient_norm: float
    accuracy_lost: float | None

    @property
    def gflops(self) -> float:
        """2 * multiply-adds, in billions per second."""
        return 2 * self.multiply_adds / self.ms / 1e6


class Ledger:
    """The branches of a network in `rows`; `accuracy` is that of the whole network, None without labels."""

    def __init__(self, rows: list[Row], accuracy: float | None, about: str) -> None:
        self.rows, self.accuracy, self.about = rows, accuracy, about

    def __str__(self) -> str:
        return f"{self.about}\n\n{aligned([HEADING, *map(_cells, self.rows), *map(_cells, self.totals())], right=range(2, 9))}"

    __repr__ = __str__

    def totals(self) -> Iterator[Row]:
        """A Row for each kind of branch, all modules together; the accuracy lost without all of them is not measured."""
        for branch in dict.fromkeys(row.branch for row in self.rows):
            rows = [row for row in self.rows if row.branch == branch]
            if len(rows) == 1:
                continue
            counts = ("parameters", "multiply_adds", "bytes")
            parameters, multiply_adds, n_bytes = (sum(getattr(row, name) for row in rows) for name in counts)
            ms, norm = sum(row.ms for row in rows), math.hypot(*(row.gradient_norm for row in rows))
            yield Row("all", branch, parameters, multiply_adds, ms, n_bytes, norm, None)

    def plot(self, path: str | Path) -> None:
        """Draws the ledger to `path` (png, svg, pdf), a bar for each branch of each module; needs matplotlib (extra `plots`)."""
        figure = figures.new(13, 7)
        for axes, (title, quantity) in zip(figure.subplots(2, 3).flat, QUANTITIES.items(), strict=True):
            _draw(axes, title, quantity, self.rows)
        figure.axes[0].legend(title="branch", fontsize=8)
        figures.save(figure, path, dpi=110)


QUANTITIES: dict[str, Callable[[Row], float]] = {
    "parameters, thousands": lambda row: row.parameters / 1e3,
    "multiply-adds, millions": lambda row: row.multiply_adds / 1e6,
    "ms for one image": lambda row: row.ms,
    "GFLOP/s": lambda row: row.gflops,
    "norm of the gradient": lambda row: row.gradient_norm,
    "accuracy lost without it, points": lambda row: 100 * (row.accuracy_lost or 0.0),
}


def _draw(axes: Any, title: str, quantity: Callable[[Row], float], rows: list[Row]) -> None:
    modules, branches = (list(dict.fromkeys(getattr(row, field) for row in rows)) for field in ("module", "branch"))
    for i, branch in enumerate(branches):
        of_branch = [row for row in rows if row.branch == branch]
        places = [modules.index(row.module) + (i - (len(branches) - 1) / 2) / (len(branches) + 1) for row in of_branch]
        axes.bar(places, list(map(quantity, of_branch)), width=1 / (len(branches) + 1), label=branch)
    axes.set_title(title)
    axes.set_xticks(range(len(modules)), [module.removeprefix("inception") for module in modules])


def _cells(row: Row) -> tuple[str, ...]:
    lost = "" if row.accuracy_lost is None else f"{100 * row.accuracy_lost:.2f}%"
    measured = (f"{row.ms:.4f}", f"{row.gflops:.1f}", human_bytes(row.bytes), f"{row.gradient_norm:.3g}")
    return (row.module, row.branch, f"{row.parameters:,}", f"{row.multiply_adds:,}", *measured, lost)


def branch_ledger(
    model: Module, images: Array, labels: IntArray | None = None, progress: Callable[[str], object] = lambda text: None
) -> Ledger:
    """The Ledger of `model` in evaluation, on `images` [n, h, w, c] and their `labels`; raises ValueError if it has no branches.

    Costs are measured on the first 32 images; without `labels` the gradients are those for class 0, and no accuracy is measured."""
    rows = []
    with evaluation_mode(model):
        progress("measuring")
        found, ms = _measured(model, images[:BATCH], 0 * np.arange(len(images)) if labels is None else labels)
        accuracy = None if labels is None else _accuracy(model, images, labels)
        for branch in found:
            progress(f"silencing {branch.module}.{branch.name}")
            lost = None if labels is None or accuracy is None else accuracy - _accuracy_without(branch, model, images, labels)
            rows.append(_row(branch, ms, min(len(images), BATCH), lost))
    return Ledger(rows, accuracy, _about(model, len(images), accuracy))


def _about(model: Module, n: int, accuracy: float | None) -> str:
    together = f"{type(model).__name__}, measured with {min(n, BATCH)} image{'s' * (n > 1)} at once"
    return together if accuracy is None else f"{together}; {accuracy:.2%} of {n:,} images correct with all branches"


def _measured(model: Module, images: Array, labels: IntArray) -> tuple[list[Branch], dict[str, float]]:
    """(the branches, with the steps of a batch, {name: median milliseconds of the operation, forward})."""
    found: list[Branch] = []
    times: dict[str, list[float]] = {}
    for _ in range(REPEATS):
        steps = trace(model, images, labels[: len(images)])
        found = branches_of(model, steps)
        for step in steps.forward:
            times.setdefault(step.name, []).append(step.ms)
    return found, {name: float(np.median(each)) for name, each in times.items()}


def _row(branch: Branch, ms: dict[str, float], n: int, lost: float | None) -> Row:
    """The Row of a branch whose steps ran with a batch of `n` images."""
    there = branch.steps.forward
    maps = sum(step.output.nbytes for step in there if step.receptive_field)  # without computed weights
    sent = [pair for step in branch.steps.backward for pair in zip(step.op.inputs, step.dxs or (), strict=True)]
    gradients = [dx for x, dx in sent if isinstance(x, Parameter) and dx is not None]
    length = math.sqrt(sum(np.square(dx, dtype=np.float64).sum() for dx in gradients))
    sums = sum(step.parameters for step in there), sum(step.multiply_adds for step in there) // n
    return Row(branch.module, branch.name, *sums, sum(ms[step.name] for step in there) / n, maps // n, length, lost)


def _accuracy(model: Module, images: Array, labels: IntArray) -> float:
    """The share of images for which the highest logit is that of the label."""
    with no_grad():
        logits = [model(Tensor(images[i : i + BATCH])).data for i in range(0, len(images), BATCH)]
    return 1 - float(top_k_error(np.concatenate(logits), labels))


def _accuracy_without(branch: Branch, model: Module, images: Array, labels: IntArray) -> float:
    """The accuracy when a branch gives zeros."""
    with silence(branch):
        return _accuracy(model, images, labels)
