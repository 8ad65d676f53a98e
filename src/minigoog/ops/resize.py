"""Resizing of feature maps, by the rules of ONNX."""

from collections.abc import Sequence

import numpy as np

from ..array_types import Array, IntArray, Pair
from ..checks import check_array, check_choice, check_real, pair
from ..op import Op
from ..tensor import Tensor
from ..text import short
from .taps import Taps

MODES = ("nearest", "linear")
COORDINATES = ("half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel")
TIE = 1e-6  # places as close as this to the middle of two pixels are in the middle (measured: ONNX Runtime 1.32)
ROUNDINGS = ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil")


class Resize(Op):
    """y[i, j] = the value of the map x at the place that (i, j) has in it: of the nearest pixel, or between the four around it.

    `coordinates` says where that is (`places`), `rounding` which pixel is the nearest."""

    def __init__(
        self,
        output_size: Pair,
        mode: str = "nearest",
        coordinates: str = "half_pixel",
        rounding: str = "round_prefer_floor",
        scale: Sequence[float] | None = None,
    ):
        self.output_size = pair("resize", "output_size", output_size, 1)
        self.mode = check_choice("resize", "mode", mode, MODES)
        self.coordinates = check_choice("resize", "coordinates", coordinates, COORDINATES)
        self.rounding = check_choice("resize", "rounding", rounding, ROUNDINGS)
        self.scale = None if scale is None else _scale(scale)

    def forward(self, x: Array) -> Array:
        check_array("resize", "x", x, ndim=4)
        if min(x.shape[1:3]) < 1:
            raise ValueError(f"resize: `x` has no pixels {x.shape}")
        for axis, taps in self.taps(x.shape[1:3]):
            x = taps.gather(x, axis)
        return np.ascontiguousarray(x)

    def backward(self, dy: Array) -> tuple[Array]:
        for axis, taps in reversed(self.taps(self.inputs[0].shape[1:3])):
            dy = taps.scatter(dy, axis)
        return (np.ascontiguousarray(dy),)

    def taps(self, size: Sequence[int]) -> list[tuple[int, Taps]]:
        """(axis, taps) along height and width of a map of this size."""
        scales = self.scale or tuple(out / n for n, out in zip(size, self.output_size, strict=True))
        axes = zip(size, self.output_size, scales, strict=True)
        return [(1 + i, self._between(n, self.places(n, out, scale))) for i, (n, out, scale) in enumerate(axes)]

    def places(self, n: int, out: int, scale: float) -> Array:
        """Where each of `out` pixels lies on an axis of `n`, whose first pixel is at 0. In float32, as ONNX Runtime computes it."""
        at, single = np.arange(out, dtype=np.float32), np.float32(scale)
        if self.coordinates == "asymmetric":
            return at / single
        if self.coordinates == "align_corners":
            return at * np.float32(n - 1) / np.float32(max(out - 1, 1))
        if self.coordinates == "pytorch_half_pixel" and out == 1:
            return at
        return (at + np.float32(0.5)) / single - np.float32(0.5)

    def _between(self, n: int, places: Array) -> Taps:
        """The taps of pixels at these places: the nearest, or the two around with their shares."""
        if self.mode == "nearest":
            return Taps(n, np.clip(_rounded(places, self.rounding), 0, n - 1)[:, None])
        places = np.clip(places, 0, n - 1)
        first = places.astype(int)
        share = (places - first).astype(np.float64)
        return Taps(n, np.stack([first, np.minimum(first + 1, n - 1)], 1), np.stack([1 - share, share], 1))


def _rounded(places: Array, rounding: str) -> IntArray:
    """`places` as integers."""
    if rounding == "ceil":
        return np.ceil(places).astype(int)
    below = np.floor(places)
    up = {"floor": False, "round_prefer_floor": places - below > 0.5 + TIE, "round_prefer_ceil": places - below >= 0.5 - TIE}[rounding]
    nearest: IntArray = below.astype(int) + up
    return nearest


def _scale(scale: Sequence[float]) -> tuple[float, float]:
    """`scale` as a pair of numbers above 0."""
    if not isinstance(scale, (tuple, list)) or len(scale) != 2:
        raise TypeError(f"resize: `scale` is {short(scale)}, expected a pair (height, width)")
    height, width = (check_real("resize", "scale", s, 1e-6) for s in scale)
    return height, width


def resize(
    x: Tensor,
    output_size: Pair,
    mode: str = "nearest",
    coordinates: str = "half_pixel",
    rounding: str = "round_prefer_floor",
    scale: Sequence[float] | None = None,
) -> Tensor:
    """`x` [n, h, w, c] resized to `output_size` (height, width), `mode` "nearest" or "linear" (between the four pixels around).

    `coordinates`: where pixel i of the output lies in the input. "half_pixel": the pixels' areas cover each other, (i + 1/2) / scale - 1/2;
    "pytorch_half_pixel": the same, but a single pixel is the first; "asymmetric": i / scale; "align_corners": first on first, last on last.
    `rounding` of the nearest: "round_prefer_floor", "round_prefer_ceil", "floor" or "ceil".
    `scale` (height, width): output by input size, if it is to be another number than that quotient. (ONNX's Resize, whose names these are)

    PyTorch's interpolate: "bilinear" is "linear" with "half_pixel", or "align_corners". "nearest" is "asymmetric" with "floor", and
    "nearest-exact" "half_pixel" with "round_prefer_ceil", but for places between two pixels that float32 rounds to the other one
    (nn.Upsample takes PyTorch's pixels)."""
    return Resize(output_size, mode, coordinates, rounding, scale)(x)
