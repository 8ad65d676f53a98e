"""Which predicted box answers for which object."""

import numpy as np

from ...array_types import Array, IntArray

ALPHA = 0.3  # the weight of places against confidences


def assigned(boxes: Array, confidences: Array, objects: Array, alpha: float = ALPHA, units: Array | float = 1.0) -> IntArray:
    """int64 [m]: the predicted box of each object, each box once, so that the loss is least. (extra `detection`)

    boxes [k, 4] and objects [m, 4] in parts of the picture's sides; confidences [k]: logits; units [k, 4]: as in the loss."""
    away = np.square((boxes[:, None] - objects) / np.broadcast_to(units, boxes.shape)[:, None]).sum(axis=2)
    # -log s(c) for an object instead of -log(1 - s(c)) for none: the difference is -c
    return _matched(alpha / 2 * away - confidences[:, None])


def nearest(priors: Array, objects: Array) -> IntArray:
    """int64 [m]: the prior of each object, each prior once, so that the squared distances are least in sum."""
    return _matched(np.square(priors[:, None] - objects).sum(axis=2))


def _matched(costs: Array) -> IntArray:
    """The row of each column of `costs` [k, m], each row once, with the least sum; of more columns than rows the dearest ones get -1."""
    try:
        from scipy.optimize import linear_sum_assignment
    except ModuleNotFoundError:
        raise ImportError("MultiBox needs SciPy: pip install 'minigoog[detection]'") from None
    rows, columns = linear_sum_assignment(costs)
    found = np.full(costs.shape[1], -1)
    found[columns] = rows
    return found
