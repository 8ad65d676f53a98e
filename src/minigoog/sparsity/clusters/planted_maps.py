"""Binary maps shown by hidden units with known windows of 1x1, 3x3 and 5x5: the convolutional version of random_networks."""

import numpy as np
from numpy.random import Generator

from ...array_types import BoolArray
from ...checks import check_int
from .translated import SIZES, Cluster, Histogram, canonical, extent


def plant(generator: Generator, histogram: Histogram, channels: int, children: int) -> list[Cluster]:
    """Hidden units, as clusters (tuples of (channel, y, x)): histogram[k] of them with `children` children spread over a k x k window."""
    check_int("plant", "children", children, 2, channels)
    units: list[Cluster] = []
    for size, count in histogram.items():
        while sum(extent(unit) == size for unit in units) < count:
            unit = _unit(generator, size, channels, children)
            if extent(unit) == size and unit not in units:
                units.append(unit)
    return units


def _unit(generator: Generator, size: int, channels: int, children: int) -> Cluster:
    """Children anywhere in a window, each place of each channel at most once."""
    places = generator.choice(channels * size * size, children, replace=False)
    return canonical(zip(places // (size * size), places // size % size, places % size, strict=True))


def show(generator: Generator, units: list[Cluster], channels: int, images: int, side: int, density: float) -> BoolArray:
    """Maps bool [images, side, side, channels]: a hidden unit is on at each place with probability `density`, and its children with it."""
    margin = max(SIZES)
    maps = np.zeros((images, side, side, channels), bool)
    for unit in units:
        on = generator.random((images, side + margin, side + margin), np.float32) < density
        for channel, y, x in unit:
            maps[..., channel] |= on[:, margin - y : margin - y + side, margin - x : margin - x + side]
    return maps


def shuffled(generator: Generator, maps: BoolArray) -> BoolArray:
    """The same maps with each channel's pixels of each image in a random order: as many are on, and together only by chance."""
    n, h, w, c = maps.shape
    return generator.permuted(maps.reshape(n, h * w, c), axis=1).reshape(maps.shape)
