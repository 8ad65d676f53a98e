"""Class activation maps: where in the image the evidence for a class is. (Zhou et al., "Learning deep features", CVPR 2016)

A logit of a network that ends in global average pooling is the mean over all pixels of the map sum_k weight[k, class] * x_k(i, j), plus
the bias. So the map is exact, not an estimate: its mean plus the bias is the logit."""

import numpy as np

from ...array_types import Array
from ...op import Op
from ...ops.linear import Linear
from ...ops.pool import AvgPool2d, GlobalAvgPool2d
from ...ops.reshape import Reshape
from ..rules import rule_of

WHY_NOT = ("As it ran, this network does not end in global average pooling followed by at most one linear layer (dropout in between also "
           "counts), so its logits are not means over a map: there is no exact class activation map, and none is shown.")  # fmt: skip


def evidence(logits: Op, classes: list[int]) -> tuple[Op, list[tuple[Array, float]]] | None:
    """(the operation whose output the maps are made of, [a map [h, w] and a bias for each of `classes`]) or None.

    `logits`: the operation that gave the logits [1, n]. The mean of a map plus its bias is the logit of its class."""
    last = _before_reshape(logits)
    linear = last if type(last) is Linear and not last.relu else None
    op = _before_reshape(linear.inputs[0].op) if linear else last
    if op is None or not _is_mean(op) or op.inputs[0].op is None:
        return None  # also with dropout in between, which has removed part of the evidence
    x = op.inputs[0].data[0].astype(np.float64)
    return op.inputs[0].op, [_map(x, linear, c) for c in classes]


def _before_reshape(op: Op | None) -> Op | None:
    """The operation, or the one before it where it only gives the numbers of one pixel another shape."""
    while type(op) is Reshape and op.inputs[0].shape[-1] == op.y.size:
        op = op.inputs[0].op
    return op


def _is_mean(op: Op) -> bool:
    """Whether an operation gives the mean of each channel over the whole map."""
    if type(op) is not AvgPool2d:
        return type(op) is GlobalAvgPool2d
    window = rule_of(op).window(op)
    return window is not None and window.kernel == op.inputs[0].shape[1:3] and window.padding == (0, 0)


def _map(x: Array, linear: Linear | None, c: int) -> tuple[Array, float]:
    """(the map of the evidence for class `c`, its bias); `linear` None: the channels are the classes."""
    if linear is None:
        return x[:, :, c], 0.0
    bias = float(linear.inputs[2].data[c]) if len(linear.inputs) == 3 else 0.0
    return x @ linear.inputs[1].data[:, c].astype(np.float64), bias
