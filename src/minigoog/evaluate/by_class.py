"""The results by class: how many of its images are found (recall), and how often its name is right (precision)."""

from collections.abc import Sequence
from typing import NamedTuple

from ..array_types import IntArray
from ..text import aligned

SHOWN = 20  # classes in the printed table


class ByClass(NamedTuple):
    """A class: its test images, how often it was predicted, and the shares of these that are right; None of nothing."""

    name: str
    images: int
    predicted: int
    precision: float | None
    recall: float | None


def by_class(confusion: IntArray, classes: Sequence[str]) -> list[ByClass]:
    """A ByClass for each class, from the confusion matrix [classes, classes] (rows: true class)."""
    found = []
    for i, name in enumerate(classes):
        right, images, predicted = int(confusion[i, i]), int(confusion[i].sum()), int(confusion[:, i].sum())
        found.append(ByClass(name, images, predicted, right / predicted if predicted else None, right / images if images else None))
    return found


def by_class_text(rows: Sequence[ByClass]) -> str:
    """The rows as a table; of more than SHOWN, those with the lowest recall."""
    shown = sorted(rows, key=lambda row: 2.0 if row.recall is None else row.recall)[:SHOWN] if len(rows) > SHOWN else rows
    cells = [(r.name, str(r.images), str(r.predicted), _percent(r.precision), _percent(r.recall)) for r in shown]
    more = f"\n(the {SHOWN} of {len(rows):,} classes with the lowest recall)" if len(rows) > SHOWN else ""
    return aligned([("class", "images", "predicted", "precision", "recall"), *cells], right=range(1, 5)) + more


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.1%}"
