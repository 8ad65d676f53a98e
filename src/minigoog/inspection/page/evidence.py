"""Class activation maps: where in the image the evidence for a class is. (Zhou et al., "Learning deep features", CVPR 2016)

A logit of a network that ends in global average pooling is the mean over all pixels of the map sum_k weight[k, class] * x_k(i, j), plus
the bias. So the map is exact, not an estimate: its mean plus the bias is the logit."""

import numpy as np

from ...array_types import Array
from ...op import Op
from ...ops.dropout import Dropout
from ...ops.linear import Linear
from ...ops.pool import GlobalAvgPool2d

WHY_NOT = ("As it ran, this network does not end in global average pooling followed by at most one linear layer (dropout in between also "
           "counts), so its logits are not means over a map: there is no exact class activation map, and none is shown.")  # fmt: skip


def evidence(logits: Op, classes: list[int]) -> tuple[Op, list[tuple[Array, float]]] | None:
    """(the operation whose output the maps are made of, [a map [h, w] and a bias for each of `classes`]) or None.

    `logits`: the operation that gave the logits [1, n]. The mean of a map plus its bias is the logit of its class."""
    linear = logits if type(logits) is Linear and not logits.relu else None
    op = linear.inputs[0].op if linear else logits
    if type(op) is Dropout:
        op = op.inputs[0].op
    if type(op) is not GlobalAvgPool2d or op.inputs[0].op is None:
        return None
    if linear is not None and linear.inputs[0].op is not op:
        return None  # dropout has removed part of the evidence
    x = op.inputs[0].data[0].astype(np.float64)
    return op.inputs[0].op, [_map(x, linear, c) for c in classes]


def _map(x: Array, linear: Linear | None, c: int) -> tuple[Array, float]:
    """(the map of the evidence for class `c`, its bias); `linear` None: the channels are the classes."""
    if linear is None:
        return x[:, :, c], 0.0
    bias = float(linear.inputs[2].data[c]) if len(linear.inputs) == 3 else 0.0
    return x @ linear.inputs[1].data[:, c].astype(np.float64), bias
