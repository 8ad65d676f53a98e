"""The branch ledger: what each branch of each Inception module costs, and what the network loses without it."""

import math
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ...files import atomic_write
from ...metrics import top_k_error
from ...nn import Inception, NaiveInception, evaluation_mode
from ...nn.module import Parameter
from ...tensor import Tensor, no_grad
from ...text import aligned, human_bytes
from ..trace.trace import trace

BATCH = 32  # images that go through the network together
REPEATS = 5  # measurements, of which the median counts
HEADING = ("module", "branch", "parameters", "multiply-adds", "ms", "GFLOP/s", "memory", "gradient", "accuracy lost")


class Row(NamedTuple):
    """A branch. Multiply-adds, `ms` (forward) and bytes of all its maps are for one image, measured in a batch.

    gradient_norm: length of the gradient of all its parameters together. accuracy_lost: of the share of right answers, when the
    branch gives zeros; None where nothing is labelled."""

    module: str
    branch: str
    parameters: int
    multiply_adds: int
    ms: float
    bytes: int
    gradient_norm: float
    accuracy_lost: float | None

    @property
    def gflops(self):
        """2 * multiply-adds in billions a second."""
        return 2 * self.multiply_adds / self.ms / 1e6


class Ledger:
    """The branches of a network in `rows`; `accuracy` is that of the whole network, None where nothing is labelled."""

    def __init__(self, rows, accuracy, about):
        self.rows, self.accuracy, self.about = rows, accuracy, about

    def __str__(self):
        return f"{self.about}\n\n{aligned([HEADING, *map(_cells, self.rows), *map(_cells, self.totals())], right=range(2, 9))}"

    __repr__ = __str__

    def totals(self):
        """A Row for each kind of branch, all modules together; what is lost without all of them is not known."""
        for branch in dict.fromkeys(row.branch for row in self.rows):
            rows = [row for row in self.rows if row.branch == branch]
            sums = [sum(getattr(row, name) for row in rows) for name in ("parameters", "multiply_adds", "ms", "bytes")]
            yield Row("all", branch, *sums, math.hypot(*(row.gradient_norm for row in rows)), None)

    def plot(self, path):
        """Draws the ledger to `path` (png, svg, pdf), a bar for each branch of each module; needs matplotlib (extra `plots`)."""
        try:
            from matplotlib.figure import Figure
        except ModuleNotFoundError:
            raise ImportError("branch_ledger: a picture needs matplotlib: pip install 'minigoog[plots]'") from None
        figure = Figure(figsize=(13, 7), layout="constrained")
        for axes, (title, quantity) in zip(figure.subplots(2, 3).flat, QUANTITIES.items(), strict=True):
            _draw(axes, title, quantity, self.rows)
        figure.axes[0].legend(title="branch", fontsize=8)
        with atomic_write(path) as file:
            figure.savefig(file, format=Path(path).suffix[1:] or "png", dpi=110)


QUANTITIES = {
    "parameters, thousands": lambda row: row.parameters / 1e3,
    "multiply-adds, millions": lambda row: row.multiply_adds / 1e6,
    "ms for one image": lambda row: row.ms,
    "GFLOP/s": lambda row: row.gflops,
    "length of the gradient": lambda row: row.gradient_norm,
    "accuracy lost without it, points": lambda row: 100 * (row.accuracy_lost or 0.0),
}


def _draw(axes, title, quantity, rows):
    modules, branches = (list(dict.fromkeys(getattr(row, field) for row in rows)) for field in ("module", "branch"))
    for i, branch in enumerate(branches):
        of_branch = [row for row in rows if row.branch == branch]
        places = [modules.index(row.module) + (i - (len(branches) - 1) / 2) / (len(branches) + 1) for row in of_branch]
        axes.bar(places, list(map(quantity, of_branch)), width=1 / (len(branches) + 1), label=branch)
    axes.set_title(title)
    axes.set_xticks(range(len(modules)), [module.removeprefix("inception") for module in modules])


def _cells(row):
    lost = "" if row.accuracy_lost is None else f"{100 * row.accuracy_lost:.2f}%"
    measured = (f"{row.ms:.4f}", f"{row.gflops:.1f}", human_bytes(row.bytes), f"{row.gradient_norm:.3g}")
    return (row.module, row.branch, f"{row.parameters:,}", f"{row.multiply_adds:,}", *measured, lost)


def branch_ledger(model, images, labels=None, progress=lambda text: None):
    """The Ledger of `model` in evaluation, on `images` [n, h, w, c] and their `labels`; raises ValueError if it has no branches.

    Costs are measured on the first 32 images; without `labels` the gradients are those for class 0, and no accuracy is told."""
    modules = [(name, m) for name, m in model.named_modules() if isinstance(m, (Inception, NaiveInception))]
    if not modules:
        raise ValueError(f"branch_ledger: {type(model).__name__} has no Inception modules, expected a network of branches")
    rows = []
    with evaluation_mode(model):
        progress("measuring")
        steps, ms = _measured(model, images[:BATCH], 0 * np.arange(len(images)) if labels is None else labels)
        accuracy = None if labels is None else _accuracy(model, images, labels)
        for module_name, module in modules:
            for name, branch in module.named_children():
                progress(f"silencing {module_name}.{name}")
                lost = None if labels is None else accuracy - _accuracy_without(branch, model, images, labels)
                rows.append(_row(module_name, name, steps[f"{module_name}.{name}"], ms, min(len(images), BATCH), lost))
    return Ledger(rows, accuracy, _about(model, len(images), accuracy))


def _about(model, n, accuracy):
    together = f"{type(model).__name__}, measured with {min(n, BATCH)} image{'s' * (n > 1)} at once"
    return together if accuracy is None else f"{together}; {accuracy:.2%} of {n:,} images right with all branches"


def _measured(model, images, labels):
    """(the steps of a batch there and back, {name: median milliseconds of the operation, forward})."""
    times = {}
    for _ in range(REPEATS):
        steps = trace(model, images, labels[: len(images)])
        for step in steps.forward:
            times.setdefault(step.name, []).append(step.ms)
    return steps, {name: float(np.median(each)) for name, each in times.items()}


def _row(module, name, steps, ms, n, lost):
    """The Row of a branch from its steps with a batch of `n` images."""
    there = steps.forward
    maps = sum(step.output.nbytes for step in there if step.receptive_field)  # not of weights that were computed
    gradients = [dx for step in steps.backward for x, dx in zip(step.op.inputs, step.dxs, strict=True) if isinstance(x, Parameter)]
    length = math.sqrt(sum(np.square(dx, dtype=np.float64).sum() for dx in gradients))
    sums = sum(step.parameters for step in there), sum(step.multiply_adds for step in there) // n
    branch = name.removeprefix("branch").removeprefix("_")
    return Row(module, branch, *sums, sum(ms[step.name] for step in there) / n, maps // n, length, lost)


def _accuracy(model, images, labels):
    """The share of images for which the highest logit is that of the label."""
    with no_grad():
        logits = [model(Tensor(images[i : i + BATCH])).data for i in range(0, len(images), BATCH)]
    return 1 - top_k_error(np.concatenate(logits), labels)


def _accuracy_without(branch, model, images, labels):
    """The same with a branch that writes zeros into its slice of the module's output."""

    def silent(x, out):
        out[...] = 0
        return Tensor(out)

    branch.forward = silent
    try:
        return _accuracy(model, images, labels)
    finally:
        del branch.forward
