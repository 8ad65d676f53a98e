"""Normalisation: batch normalisation with stored statistics is a scale and a shift; local response normalisation is an operation."""

import numpy as np

from ... import ops
from ...formats.graph import Node
from ..attributes import integer, number
from ..resolver import Resolver, rule
from ..values import NHWC, Value, image_map
from .arithmetic import scaled

MOST_NEIGHBOURS = 1000  # channels in a sum, of maps with fewer channels


@rule("BatchNormalization")
def batch_normalization(r: Resolver, node: Node) -> Value:
    """(x - mean) / sqrt(variance + epsilon) * scale + bias, in float64, for axis 1."""
    trains = integer(node, "training_mode", 0) if r.opset >= 14 else any(node.outputs[1:])  # before, the results asked for said so
    if trains or not integer(node, "spatial", 1):
        what = "its training_mode is 1, or it has several results, or its spatial is 0"
        raise ValueError(f"{what}: the file was exported in training mode, expected one for inference")
    x = r.value(node)
    scale, bias, mean, variance = (r.constant(node, i).astype(np.float64).ravel() for i in range(1, 5))
    if len(x.shape) < 2 or not scale.size == bias.size == mean.size == variance.size == x.shape[1]:
        raise ValueError(f"statistics of {scale.size} channels on a value of shape {x.shape}")
    deviation = np.sqrt(np.maximum(variance + number(node, "epsilon", 1e-5), 0))
    if not deviation.all():
        raise ValueError("a variance of 0 or less")
    factor = scale / deviation
    return scaled(r, node, x, 1, factor, bias - mean * factor)


@rule("LRN")
def lrn(r: Resolver, node: Node) -> Value:
    """Local response normalisation over neighbouring channels."""
    x = r.value(node)
    settings = {"alpha": number(node, "alpha", 1e-4), "beta": number(node, "beta", 0.75), "k": number(node, "bias", 1.0)}
    index, size = r.image(x), integer(node, "size", 0)
    if size < 1 or size % 2 == 0:
        raise ValueError(f"`size` is {size}, expected an odd number: what an even one means, no two systems agree on")
    if size > max(2 * x.shape[1], MOST_NEIGHBOURS):
        raise ValueError(f"`size` is {size} on a map with {x.shape[1]} channels, expected at most twice as many")
    slot = r.add(node, ops.lrn, [index], x.lengths(NHWC), size=size, **settings)
    n, c, h, w = x.shape
    return image_map(slot, n, h, w, c)
