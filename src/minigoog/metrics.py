"""Measures of a classifier."""

import numpy as np

from .array_types import Array, IntArray
from .checks import check_int, check_labels


def top_k_error(scores: Array, labels: IntArray, k: int = 1) -> float:
    """The share of rows of `scores` [n, classes] whose label is not among the `k` highest scores; 0 to 1.

    Among equal scores the label's ranks last, and NaN ranks first, so a network whose scores are all equal or NaN is never correct."""
    scores = np.asarray(scores)
    if scores.ndim != 2:
        raise ValueError(f"top_k_error: `scores` has shape {scores.shape}, expected [n, classes]")
    labels = check_labels("top_k_error", labels, *scores.shape)
    k = check_int("top_k_error", "k", k, 1)
    own = scores[np.arange(len(labels)), labels]
    ahead = (~(scores < own[:, None])).sum(axis=1) - 1  # all others that are not below it
    return float((ahead >= k).mean()) if len(labels) else 0.0


def confusion_matrix(predicted: IntArray, labels: IntArray, classes: int) -> IntArray:
    """How often class i (row) was predicted as class j (column): int64 [classes, classes]."""
    classes = check_int("confusion_matrix", "classes", classes, 1)
    labels = check_labels("confusion_matrix", labels, np.size(labels), classes)
    predicted = check_labels("confusion_matrix", predicted, len(labels), classes, name="predicted")
    table = np.zeros((classes, classes), np.int64)
    np.add.at(table, (labels, predicted), 1)
    return table
