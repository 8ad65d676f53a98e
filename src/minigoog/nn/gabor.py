"""Serre's fixed first layers: Gabor filters of several sizes, and maxima over places and neighbouring sizes.

(Serre et al., "Robust object recognition with cortex-like mechanisms", PAMI 2007: what the paper's Inception modules learn, "all filters
are learned", is fixed there)"""

from collections.abc import Sequence

import numpy as np

from .. import ops
from ..array_types import Array, BoolArray, Shape
from ..checks import check_int
from ..tensor import Tensor
from .module import Buffer, Module

SIZES = tuple(range(7, 39, 2))  # pixels
ASPECT = 0.3  # of the Gaussian's widths across and along a stripe
ORIENTATIONS = 4
SMALL = 1e-6  # squared norm of a patch that counts as flat


def constants(size: int) -> tuple[float, float]:
    """(sigma, wavelength) of the filter of this size, in pixels: the generator of Serre's table."""
    divisor = 4 - 0.05 * (size - 7) / 2
    wavelength = 2 * size / divisor
    return 0.8 * wavelength, wavelength


def circle(size: int) -> BoolArray:
    """bool [size, size]: which pixels a filter of this size looks at."""
    at = np.arange(size) - size // 2
    return np.asarray(at**2 + at[:, None] ** 2 <= (size / 2) ** 2)


def gabor(size: int, angle: float) -> Array:
    """float32 [size, size]: stripes at `angle` (radians; 0: they are vertical, and change along a row), of mean 0 and norm 1.

    exp(-(x0^2 + ASPECT^2 y0^2) / 2 sigma^2) cos(2 pi x0 / wavelength), and 0 outside a circle."""
    sigma, wavelength = constants(size)
    at = np.arange(size) - size // 2
    x, y = np.meshgrid(at, at)
    along, across = x * np.cos(angle) + y * np.sin(angle), -x * np.sin(angle) + y * np.cos(angle)
    f = np.exp(-(along**2 + (ASPECT * across) ** 2) / (2 * sigma**2)) * np.cos(2 * np.pi * along / wavelength)
    inside = circle(size)
    f = np.where(inside, f - f[inside].mean(), 0)
    return np.asarray(f / np.sqrt((f**2).sum()), np.float32)


class GaborBank(Module):
    """Images [n, h, w, 1] to S1 maps [n, h, w, sizes * orientations], from 0 to 1: how much each patch looks like each filter, whatever
    its contrast and sign; the orientations of a size are together. Nothing is trained. Sizes: odd numbers of pixels."""

    def __init__(self, sizes: Sequence[int] = SIZES, orientations: int = ORIENTATIONS) -> None:
        self.sizes = tuple(check_int("GaborBank", "sizes", size, 3) for size in sizes)
        if not self.sizes or any(size % 2 == 0 for size in self.sizes):
            raise ValueError(f"GaborBank: `sizes` is {self.sizes}, expected odd numbers")
        self.orientations = check_int("GaborBank", "orientations", orientations, 1)
        angles = np.pi * np.arange(orientations) / orientations
        for size in self.sizes:
            filters = np.stack([gabor(size, angle) for angle in angles], axis=-1)
            setattr(self, f"filters{size}", Buffer(filters[:, :, None]))

    def forward(self, x: Tensor) -> Tensor:
        squares = x * x
        maps = [self._map(x, squares, size) for size in self.sizes]
        return ops.concat(maps) if len(maps) > 1 else maps[0]

    def _map(self, x: Tensor, squares: Tensor, size: int) -> Tensor:
        """|response| / norm of the patch, for the filters of one size."""
        filters = Tensor(getattr(self, f"filters{size}").data)
        y = ops.conv2d(x, filters, padding=size // 2)
        inside = circle(size).astype(np.float32)[:, :, None, None]
        norm = ops.conv2d(squares, Tensor(inside), padding=size // 2)
        return (ops.relu(y) + ops.relu(-y)) * ops.power(norm + SMALL, -0.5)

    def multiply_adds(self, x_shape: Shape, y_shape: Shape) -> int:
        places = int(np.prod(x_shape[:3]))
        return places * sum(size * size * (self.orientations + 1) for size in self.sizes)

    def settings(self) -> str:
        return f"{self.sizes[0]} to {self.sizes[-1]} pixels, {len(self.sizes)} sizes, {self.orientations} orientations"


class GaborPool(Module):
    """S1 maps of a GaborBank of an even number of sizes to C1: for each band of two neighbouring sizes, the maximum over both and over a
    window, 8 pixels for the first band and 2 more for each next one, half a window apart. A list of maps, one for each band."""

    def __init__(self, bank: GaborBank, first: int = 8, step: int = 2) -> None:
        if not isinstance(bank, GaborBank):
            raise TypeError(f"GaborPool: `bank` is {type(bank).__name__}, expected a GaborBank")
        if len(bank.sizes) % 2:
            raise ValueError(f"GaborPool: `bank` has {len(bank.sizes)} sizes, expected an even number: two for each band")
        self.orientations, self.bands = bank.orientations, len(bank.sizes) // 2
        first, step = check_int("GaborPool", "first", first, 2), check_int("GaborPool", "step", step, 0)
        self.windows = tuple(first + step * i for i in range(self.bands))

    def forward(self, x: Tensor) -> list[Tensor]:
        k = self.orientations
        parts = [x[..., start : start + k] for start in range(0, 2 * self.bands * k, k)]
        return [self._band(parts[2 * i], parts[2 * i + 1], window) for i, window in enumerate(self.windows)]

    def _band(self, a: Tensor, b: Tensor, window: int) -> Tensor:
        larger = a + ops.relu(b - a)  # max(a, b)
        return ops.max_pool2d(larger, window, stride=window // 2)

    def settings(self) -> str:
        return f"windows of {self.windows[0]} to {self.windows[-1]} pixels"
