"""The layout of the paper's Table 3: models, crops, cost, error, gain."""

from typing import NamedTuple

from ..metrics import top_k_error
from ..text import aligned
from .predict import probabilities


class Row(NamedTuple):
    """One way of testing: how many models and crops, forward passes for one image, top-1 and top-k errors (0 to 1)."""

    models: int
    crops: int
    cost: int
    error: float
    top_k: float


def table_3(members, dataset, all_crops, k, **settings):
    """(rows, probabilities of the last one): for the first model and for all of them, a Row for each number of crops."""
    rows, probabilities_of = [], {}
    for n in all_crops:
        for i, member in enumerate(members):
            probabilities_of[n, i] = probabilities(member, dataset, n, **settings)
    for count in sorted({1, len(members)}):
        for n in all_crops:
            mean = sum(probabilities_of[n, i] for i in range(count)) / count
            errors = top_k_error(mean, dataset.labels), top_k_error(mean, dataset.labels, k)
            rows.append(Row(count, n, count * n, *errors))
    return rows, mean


def table_text(rows, k):
    """The rows as text; the gain is over the first."""
    head = ("models", "crops", "cost", "top-1 error", f"top-{k} error", "gain")
    cells = [
        (str(r.models), str(r.crops), str(r.cost), f"{r.error:.2%}", f"{r.top_k:.2%}",
         "base" if r is rows[0] else f"{r.error - rows[0].error:+.2%}") for r in rows
    ]  # fmt: skip
    return aligned([head, *cells], right=range(6))
