"""Which channels of real maps are on together, and how far apart: correlations modulo translation, and the controls."""

import numpy as np

from ... import kernels
from ...array_types import Array, BoolArray, IntArray

RADIUS = 2  # pixels: windows of 5x5
TOP = 0.05  # the share of its values, the highest, at which a channel counts as on
TINY = 1e-6  # the smallest threshold: pairs without any correlation are never related
DEAD = 0.005  # a channel that is on at fewer places is left out


def binarise(maps: Array) -> tuple[BoolArray, IntArray]:
    """(on bool [n, h, w, kept], the channels kept): where a channel of `maps` [n, h, w, c] is above its own 95th percentile."""
    limits = np.maximum(np.quantile(maps, 1 - TOP, axis=(0, 1, 2)), 0)
    on = maps > limits.astype(maps.dtype)
    kept = np.flatnonzero(on.mean(axis=(0, 1, 2)) >= DEAD)
    return np.ascontiguousarray(on[..., kept]), kept


def correlations(on: BoolArray, radius: int = RADIUS) -> Array:
    """phi float64 [c, 2 radius + 1, 2 radius + 1, c]: the correlation of channel a at a pixel with b at (dy, dx) from it, over all
    places where both are on the map `on` bool [n, h, w, c]."""
    n, h, w, _ = on.shape
    both, side = kernels.cooccurrences(on, radius).astype(np.float64), 2 * radius + 1
    times = on.sum(axis=0).astype(np.float64)  # [h, w, c]
    phi: Array = np.zeros_like(both)
    for i in range(side):
        for j in range(side):
            rows, cols = _inside(h, i - radius), _inside(w, j - radius)
            here, there = times[rows[0], cols[0]].sum(axis=(0, 1)), times[rows[1], cols[1]].sum(axis=(0, 1))
            places = n * (rows[0].stop - rows[0].start) * (cols[0].stop - cols[0].start)
            varies = np.outer(here * (places - here), there * (places - there))
            covers = places * both[:, i, j] - np.outer(here, there)
            phi[:, i, j] = np.divide(covers, np.sqrt(varies), out=np.zeros_like(varies), where=varies > 0)
    return phi


def _inside(size: int, d: int) -> tuple[slice, slice]:
    """(slice of the pixels whose neighbour at distance d is on the map, slice of these neighbours)."""
    return slice(max(0, -d), size - max(0, d)), slice(max(0, d), size - max(0, -d))


def rings(phi: Array) -> dict[str, list[float]]:
    """Mean phi^2 per position at distance 0, 1, 2 (largest of |dy|, |dx|): {"cross": between channels, "same": of one with itself}."""
    radius, c = phi.shape[1] // 2, len(phi)
    distance = np.maximum(*np.abs(np.indices(phi.shape[1:3]) - radius))
    own = np.eye(c, dtype=bool)
    between, within = phi.transpose(1, 2, 0, 3)[..., ~own] ** 2, phi.transpose(1, 2, 0, 3)[..., own] ** 2
    return {"cross": [float(between[distance == r].mean()) if c > 1 else 0.0 for r in range(radius + 1)],
            "same": [float(within[distance == r].mean()) for r in range(radius + 1)]}


def pairs(c: int, radius: int, cross: bool) -> BoolArray:
    """Which pairs bool [c, 2 radius + 1, 2 radius + 1, c] may be related: not a channel with itself at the same pixel, and with `cross`
    not at any other pixel either."""
    allowed, channel = np.ones((c, 2 * radius + 1, 2 * radius + 1, c), bool), np.arange(c)
    allowed[channel, radius, radius, channel] = False
    if cross:
        allowed[channel, :, :, channel] = False
    return allowed


def strongest(phi: Array, degree: int, cross: bool) -> float:
    """The threshold at which a channel at a pixel has `degree` related ones on average; always above 0."""
    values = phi[pairs(len(phi), phi.shape[1] // 2, cross)]
    n = min(degree * len(phi), len(values))
    return float(max(np.partition(values, len(values) - n)[len(values) - n], TINY)) if n else TINY


def between_channels(phi: Array) -> Array:
    """The same correlations, but 0 for a channel with itself."""
    return np.where(pairs(len(phi), phi.shape[1] // 2, True), phi, 0)


def related(phi: Array, threshold: float, cross: bool) -> BoolArray:
    """The graph of pairs whose correlation is `threshold` or more; with `cross` only between different channels."""
    return pairs(len(phi), phi.shape[1] // 2, cross) & (phi >= threshold)


def phase_scrambled(images: Array, seed: int) -> Array:
    """The images [n, h, w, c] with random phases but the same spectra: this removes edges and objects but keeps correlations over space.

    All channels of an image get the same phase shifts, so that colours stay correlated."""
    noise = np.random.default_rng(seed).standard_normal(images.shape[:3])
    shifts = np.angle(np.fft.fft2(noise, axes=(1, 2)))[..., None]
    scrambled = np.fft.ifft2(np.fft.fft2(images, axes=(1, 2)) * np.exp(1j * shifts), axes=(1, 2)).real
    return scrambled.astype(images.dtype)


def shuffled_channels(on: BoolArray, seed: int) -> BoolArray:
    """The same maps, with a different order of the images for each channel: any correlation left between channels is chance."""
    generator = np.random.default_rng(seed)
    return np.stack([on[generator.permutation(len(on)), ..., c] for c in range(on.shape[3])], axis=-1)
