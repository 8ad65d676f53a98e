"""The layout of the paper's Table 3: models, crops, cost, error, gain."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..array_types import Array
from ..loading import TrainedModel
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


def table_3(members: Sequence[TrainedModel], dataset: Any, all_crops: Sequence[int], k: int, **settings: Any) -> tuple[list[Row], Array]:
    """(rows, probabilities of the last one): for the first model and for all of them, a Row for each number of crops."""
    rows: list[Row] = []
    probabilities_of: dict[tuple[int, int], Array] = {}
    for n in all_crops:
        for i, member in enumerate(members):
            probabilities_of[n, i] = probabilities(member, dataset, n, **settings)
    for count in sorted({1, len(members)}):
        for n in all_crops:
            mean = np.mean([probabilities_of[n, i] for i in range(count)], axis=0)
            errors = top_k_error(mean, dataset.labels), top_k_error(mean, dataset.labels, k)
            rows.append(Row(count, n, count * n, *errors))
    return rows, mean


def table_text(rows: Sequence[Row], k: int) -> str:
    """The rows as text; the gain is over the first."""
    head = ("models", "crops", "cost", "top-1 error", f"top-{k} error", "gain")
    cells = [
        (str(r.models), str(r.crops), str(r.cost), f"{r.error:.2%}", f"{r.top_k:.2%}",
         "base" if r is rows[0] else f"{r.error - rows[0].error:+.2%}") for r in rows
    ]  # fmt: skip
    return aligned([head, *cells], right=range(6))
