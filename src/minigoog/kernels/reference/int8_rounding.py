"""Rounding weights to bytes so that a weight makes up for the rounding errors of those before it.

The mean square of what rounding changes in a sum is e' C e, with e the errors of its weights and C the covariance of what they multiply.
With C = M' D M, M unit lower triangular, it is the sum over j of D[j] (e[j] + sum over k < j of M[j, k] e[k])^2: so each weight is
rounded after what lies before it has been added, and no term is larger than by rounding alone. (Frantar et al. 2023, arXiv 2210.17323,
which finds the same by the inverse of C.) Bits are the same on every machine: no sum is left to a library's order."""

from typing import Any, NamedTuple

import numpy as np

from ...array_types import Array
from .int8 import LARGEST_WEIGHT, Int8s

DAMPING = 0.1  # times the mean variance, added to each: other images differ from those that C was measured with. Chosen by measurement


class Feedback(NamedTuple):
    """order: in which input channels are rounded, those that vary most first; factors: M of the channels in that order."""

    order: np.ndarray[Any, Any]
    factors: Array


def feedback(covariance: Array) -> Feedback:
    """How the rounding errors of input channels are made up for, by the covariance [cin, cin] of their values."""
    order = np.argsort(-np.diagonal(covariance), kind="stable")
    left = covariance[np.ix_(order, order)]
    left[np.diag_indices_from(left)] += DAMPING * np.trace(left) / len(left)
    left = left.astype(np.float32)  # enough for a choice between two codes, and twice as fast
    factors = np.zeros_like(left)
    for j in range(len(left) - 1, 0, -1):
        if left[j, j] > 0:
            factors[j, :j] = left[j, :j] / left[j, j]
            left[:j, :j] -= factors[j, :j, None] * left[j, :j]
    return Feedback(order, factors)


def round_weights(w: Array, scales: Array, by: Feedback) -> Int8s:
    """The codes of the weights `w` [kh, kw, cin, cout] with the scale of each output channel, each pixel of the window for itself."""
    cin, scales = w.shape[2], scales.astype(np.float32)
    exact = w.transpose(2, 0, 1, 3).reshape(cin, -1, w.shape[3])[by.order]
    wanted, codes = exact.copy(), np.empty(exact.shape, np.int8)
    for k in range(cin):
        rounded = np.clip(np.rint(wanted[k] / scales), -LARGEST_WEIGHT, LARGEST_WEIGHT)
        wanted[k + 1 :] += by.factors[k + 1 :, k, None, None] * (exact[k] - rounded * scales)
        codes[by.order[k]] = rounded
    return np.ascontiguousarray(codes.reshape(cin, *w.shape[:2], w.shape[3]).transpose(1, 2, 0, 3))
