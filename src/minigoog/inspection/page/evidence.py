"""Class activation maps: where in the image the evidence for a class lies. (Zhou et al., "Learning deep features", CVPR 2016)

A logit of a network that ends in global average pooling is the mean over all pixels of the map sum_k weight[k, class] * x_k(i, j), plus
the bias. So the map is no estimate: its mean is the logit."""

import numpy as np

WHY_NOT = ("As it ran, this network does not end in global average pooling and one linear layer at most (dropout between them counts), "
           "so its logits are not means over the pixels of a map: there is no exact class activation map, and none is shown.")  # fmt: skip


def evidence(logits, classes):
    """(the operation whose output the maps are made of, [a map [h, w] and a bias for each of `classes`]) or None.

    `logits`: the operation that gave the logits [1, n]. The mean of a map plus its bias is the logit of its class."""
    linear, op = (logits, logits.inputs[0].op) if logits.name == "Linear" and not logits.relu else (None, logits)
    if op is not None and op.name == "Dropout":
        op = op.inputs[0].op
    if op is None or op.name != "GlobalAvgPool2d" or op.inputs[0].op is None:
        return None
    if linear is not None and linear.inputs[0].op is not op:
        return None  # dropout has thrown part of the evidence away
    x = op.inputs[0].data[0].astype(np.float64)
    return op.inputs[0].op, [_map(x, linear, c) for c in classes]


def _map(x, linear, c):
    if linear is None:
        return x[:, :, c], 0.0
    bias = float(linear.inputs[2].data[c]) if len(linear.inputs) == 3 else 0.0
    return x @ linear.w[:, c].astype(np.float64), bias
