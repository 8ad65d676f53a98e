"""A plain stack of convolutions, small enough to be trained for a demonstration, and the maps of its layers."""

from collections.abc import Iterator
from typing import TypeAlias

import numpy as np

from ... import nn, ops, rng
from ...array_types import Array, Shape
from ...nn.inception import conv_relu
from ...tensor import Tensor, no_grad

Plan: TypeAlias = tuple[int, ...]  # channels of each convolution, and POOL

POOL = 0  # in a Plan

PHOTOGRAPHS: Plan = (24, 24, POOL, 48, 48, POOL, 64, 64)  # channels of each convolution, for 32x32 pixels
DIGITS: Plan = (16, 24, 32, 32)  # for 8x8: a pool would leave maps too small for windows of 5x5
BATCH = 128  # images at a time


class PlainStack(nn.Module):
    """Images [n, h, w, cin] to logits [n, classes]: convolutions of `window` x `window` with batch normalisation and ReLU, `plan` their
    channels, with 3x3 max pools of stride 2 between; the mean of each map, a linear layer."""

    def __init__(self, plan: Plan, cin: int, classes: int, window: int = 3):
        layers: dict[str, nn.Module] = {}
        conv = conv_relu(norm=True)
        for i, channels in enumerate(plan):
            if channels == POOL:
                layers[f"pool{i}"] = nn.MaxPool2d(3, stride=2, padding=1)
            else:
                layers[f"conv{i}"], cin = conv(cin, channels, window, padding=window // 2), channels
        self.layers = nn.Sequential(**layers)
        self.classifier = nn.Linear(cin, classes)

    def maps(self, x: Tensor) -> Iterator[Tensor]:
        """The output of each convolution, after ReLU."""
        for name, layer in self.layers.named_children():
            x = layer(x)
            if name.startswith("conv"):
                yield x

    def forward(self, x: Tensor) -> Tensor:
        *_, last = self.maps(x)
        logits: Tensor = self.classifier(ops.global_avg_pool2d(last))
        return logits


def plan_for(size: int) -> Plan:
    """The channels and pools for images of `size` x `size` pixels."""
    return PHOTOGRAPHS if size > 8 else DIGITS


def new_stack(seed: int, shape: Shape, classes: int, window: int = 3) -> PlainStack:
    """A PlainStack for images of `shape` (h, w, c), with first weights of this seed."""
    rng.manual_seed(seed)
    return PlainStack(plan_for(shape[0]), shape[2], classes, window)


def layer_maps(model: PlainStack, images: Array) -> list[Array]:
    """The maps float32 [n, h, w, c] of each convolution of `model`, in evaluation, for `images` float32 [n, h, w, c]."""
    model.eval()
    with no_grad():
        batches = [[maps.data for maps in model.maps(Tensor(images[i : i + BATCH]))] for i in range(0, len(images), BATCH)]
    return [np.concatenate(of_layer) for of_layer in zip(*batches, strict=True)]
