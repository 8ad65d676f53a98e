"""The networks of the comparison at equal budgets: one stem, three blocks of one kind, one head; and two with a structure of their own.

Each is a function of `width`, a real number that scales its channels; "256" in SHARES stands for 256 * width output channels."""

import math
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias

import numpy as np

from ... import nn, rng
from ...array_types import Shape
from ...nn.inception import conv_relu

if TYPE_CHECKING:
    from .pictures import Pictures

Block: TypeAlias = tuple[nn.Module, int]  # a block, and its output channels

STEM = (8, 16)  # channels of the convolutions before the first pools, the last repeated
MAP = 8  # pixels: the stem pools until the map is no larger
BLOCKS = 3
SHARES = {"1x1": 64, "3x3": 128, "5x5": 32, "pool": 32, "3x3 reduced": 96, "5x5 reduced": 16}  # inception3a of the paper's table 1
NIN = ((5, (192, 160, 96), nn.MaxPool2d), (5, (192, 192, 192), nn.AvgPool2d), (3, (192, 192), None))  # window, channels, pool
ALEXNET = ((5, 96, True), (5, 256, True), (3, 384, False), (3, 384, False), (3, 256, True))  # window, channels, pool?
INSIDE = 0.5  # the share of its weights that a branch with a random mask has
LEAST_REDUCED = 8  # channels between a 1x1 reduction and its 5x5: with fewer the branch learns too little


class Build(Protocol):
    """A function that builds a network."""

    def __call__(self, width: float, task: "Task", norm: bool = True) -> nn.Module:
        """The network with its channels times `width`."""


class Task(NamedTuple):
    """The task of a network: images of `size` x `size` pixels with `channels`, and the number of classes."""

    size: int
    channels: int
    classes: int

    @property
    def shape(self) -> Shape:
        """Of one image."""
        return (self.size, self.size, self.channels)

    @classmethod
    def of(cls, train: "Pictures") -> "Task":
        """The task that these Pictures for training pose."""
        return cls(train.images.shape[1], train.images.shape[3], int(train.labels.max()) + 1)


def channels(width: float, *names: str) -> list[int]:
    """Output channels of these branches at `width`."""
    return [max(1, round(width * SHARES[name])) for name in names]


def plain(size: int, width: float, cin: int, norm: bool) -> Block:
    """A dense convolution with a window of `size` x `size`."""
    conv = conv_relu(norm=norm)(cin, max(1, round(256 * width)), size, padding=size // 2)
    return conv, conv.out_channels


def clustered(width: float, cin: int, norm: bool) -> Block:
    """1x1, 3x3 and 5x5 side by side: a 5x5 whose rows have one of three supports."""
    n, conv = channels(width, "1x1", "3x3", "5x5"), conv_relu(norm=norm)
    branches = {f"conv{k}x{k}": conv(cin, m, k, padding=k // 2) for k, m in zip((1, 3, 5), n, strict=True)}
    return nn.Branches(**branches), sum(n)


def random_sparse(width: float, cin: int, norm: bool) -> Block:
    """A 5x5 with exactly as many output channels and weights as `clustered`, at random places."""
    n = channels(width, "1x1", "3x3", "5x5")
    kept = cin * sum(k * k * m for k, m in zip((1, 3, 5), n, strict=True))
    return sparse_conv(5, cin, sum(n), kept, norm), sum(n)


def random_inside(width: float, cin: int, norm: bool) -> Block:
    """`clustered`, but each branch has only the share INSIDE of its weights, at random places: at equal cost it is wider."""
    n = channels(width, "1x1", "3x3", "5x5")
    branches = {f"conv{k}x{k}": sparse_conv(k, cin, m, max(1, round(INSIDE * k * k * cin * m)), norm)
                for k, m in zip((1, 3, 5), n, strict=True)}  # fmt: skip
    return nn.Branches(**branches), sum(n)


def sparse_conv(size: int, cin: int, cout: int, kept: int, norm: bool) -> nn.Module:
    """A convolution with a window of `size` x `size` and `kept` weights at random places, and ReLU."""
    shape, generator = (size, size, cin, cout), rng.generator()
    weight = np.zeros(math.prod(shape), np.float32)
    places = generator.choice(weight.size, kept, replace=False)
    weight[places] = generator.standard_normal(kept, np.float32) * np.float32(math.sqrt(2 * cout / kept))  # He: mean fan-in
    sparse = partial(nn.SparseConv2d, weight.reshape(shape), padding=size // 2)
    if norm:
        return nn.Sequential(conv=sparse(), norm=nn.BatchNorm2d(cout, relu=True))
    return sparse(bias=np.zeros(cout, np.float32), relu=True)


def multi_branch(width: float, cin: int, norm: bool) -> Block:
    """`clustered` with a fourth branch: a 3x3 max pool and a 1x1 that reduces its channels."""
    n, conv = channels(width, "1x1", "3x3", "5x5", "pool"), conv_relu(norm=norm)
    branches = {f"conv{k}x{k}": conv(cin, m, k, padding=k // 2) for k, m in zip((1, 3, 5), n, strict=False)}
    branches["pool"] = nn.Sequential(pool=nn.MaxPool2d(3, stride=1, padding=1), project=conv(cin, n[3], 1))
    return nn.Branches(**branches), sum(n)


def naive(width: float, cin: int, norm: bool) -> Block:
    """Figure 2a: the pool passes all channels on."""
    c1, c3, c5 = channels(width, "1x1", "3x3", "5x5")
    block = nn.NaiveInception(cin, c1, c3, c5, norm=norm)
    return block, block.out_channels


def reduced(width: float, cin: int, norm: bool) -> Block:
    """Figure 2b: 1x1 convolutions before the 3x3 and the 5x5."""
    c1, r3, c3, r5, c5, pool = channels(width, "1x1", "3x3 reduced", "3x3", "5x5 reduced", "5x5", "pool")
    block = nn.Inception(cin, c1, r3, c3, max(r5, LEAST_REDUCED), c5, pool, norm=norm)
    return block, block.out_channels


def stack(block: Callable[[float, int, bool], Block], width: float, task: Task, norm: bool = True) -> nn.Module:
    """The stem, three times `block`, the mean of each map, a linear layer.

    The blocks' widths differ by a third of a channel in 256, so that they do not all grow at the same width: budgets can be met."""
    layers, size, cin = {}, task.size, task.channels
    for i in range(max(1, math.ceil(math.log2(task.size / MAP)))):
        cout = STEM[min(i, len(STEM) - 1)]
        layers[f"stem{i}"], cin = conv_relu(norm=norm)(cin, cout, 3, padding=1), cout
        if size > MAP:
            layers[f"pool{i}"], size = nn.MaxPool2d(3, stride=2, padding=1), math.ceil(size / 2)
    for i in range(BLOCKS):
        layers[f"block{i}"], cin = block(width + (i / BLOCKS - 1 / 3) / 256, cin, norm)
    return nn.Sequential(**layers, mean=nn.GlobalAvgPool2d(), classifier=nn.Linear(cin, task.classes))


def nin_like(width: float, task: Task, norm: bool = True) -> nn.Module:
    """Network in Network (Lin et al. 2013) with all its channels times `width`, without dropout."""
    conv, layers, cin = conv_relu(norm=norm), {}, task.channels
    for i, (size, widths, pool) in enumerate(NIN):
        for j, n in enumerate(widths):
            n, k = max(1, round(n * width)), size if j == 0 else 1
            layers[f"conv{i}{j}"], cin = conv(cin, n, k, padding=k // 2), n
        if pool:
            layers[f"pool{i}"] = pool(3, stride=2, padding=1)
    return nn.Sequential(**layers, last=nn.Conv2d(cin, task.classes, 1), mean=nn.GlobalAvgPool2d())


def alexnet_like(width: float, task: Task, norm: bool = True) -> nn.Module:
    """AlexNet (Krizhevsky et al. 2012) with all its channels times `width`, windows for small images, without dropout and groups."""
    conv, layers, cin, size = conv_relu(norm=norm), {}, task.channels, task.size
    for i, (k, n, pool) in enumerate(ALEXNET):
        n = max(1, round(n * width))
        layers[f"conv{i}"], cin = conv(cin, n, k, padding=k // 2), n
        if pool:
            layers[f"pool{i}"], size = nn.MaxPool2d(3, stride=2, padding=1), math.ceil(size / 2)
    hidden = max(1, round(4096 * width))
    full = {"fc6": nn.Linear(size * size * cin, hidden, relu=True), "fc7": nn.Linear(hidden, hidden, relu=True)}
    return nn.Sequential(**layers, flatten=nn.Flatten(), **full, fc8=nn.Linear(hidden, task.classes))


NETWORKS: dict[str, Build] = {  # name: a function (width, task, norm=True) that builds it
    "dense 5x5": partial(stack, partial(plain, 5)),
    "plain 3x3": partial(stack, partial(plain, 3)),
    "random 5x5": partial(stack, random_sparse),
    "clustered": partial(stack, clustered),
    "random in branches": partial(stack, random_inside),
    "multi-branch": partial(stack, multi_branch),
    "reduced": partial(stack, reduced),
    "naive": partial(stack, naive),
    "NiN-like": nin_like,
    "AlexNet-like": alexnet_like,
}
