"""Edges with negative weight, from samples and the hidden code (LearnGraph; Arora et al., arXiv 1310.6343, section 4)."""

import numpy as np

from ... import kernels
from ...array_types import BoolArray
from .random_networks import BLOCK, sums_where

MET = 8  # so many meetings are expected by chance that none at all is significant: exp(-8) of the pairs without an edge


def negative_edges(samples: BoolArray, codes: BoolArray, positive: BoolArray) -> BoolArray:
    """negative bool [visible, hidden] of binary `samples` [samples, visible], `codes` [samples, hidden] and `positive` [visible, hidden].

    A visible unit that is on with exactly one active parent of positive weight shows that no other active hidden unit has a negative
    weight to it. Pairs that never met in this way are negative if MET meetings were expected by chance. The paper has enough
    samples for all pairs, but a visible unit without positive parents is never on and gives no information."""
    met, alone_in = np.zeros(positive.T.shape, np.int64), np.zeros(len(positive), np.int64)
    for first in range(0, len(samples), BLOCK * 16):
        h, y = codes[first : first + BLOCK * 16], samples[first : first + BLOCK * 16]
        alone = y & sums_where(h, positive.T, lambda sums: sums == 1)
        alone_in += alone.sum(axis=0)
        met += kernels.cooccurrences(np.hstack([h, alone])[None, None])[: h.shape[1], 0, 0, h.shape[1] :]
    by_chance = np.outer(alone_in, codes.mean(axis=0))
    negative: BoolArray = (met.T == 0) & (by_chance >= MET) & ~positive
    return negative
