"""Layers that put a map's values elsewhere: enlarged maps, and the channels of groups in turn."""

import numpy as np

from .. import ops
from ..array_types import Pair
from ..checks import check_bool, check_choice, check_int, pair
from ..ops.resize import Resize
from ..tensor import Tensor, check_tensor
from .module import Module


class Upsample(Module):
    """Maps enlarged to `size` (height, width) or `scale_factor` times (integers), `mode` "nearest" or "bilinear".

    `align_corners`: whether the first and last pixels of a bilinear map lie on those of the input. (PyTorch's)"""

    def __init__(
        self, size: Pair | None = None, scale_factor: Pair | None = None, mode: str = "nearest", align_corners: bool = False
    ) -> None:
        if (size is None) == (scale_factor is None):
            raise ValueError(f"Upsample: `size` is {size} and `scale_factor` {scale_factor}, expected one of the two")
        self.size = None if size is None else pair("Upsample", "size", size, 1)
        self.scale_factor = None if scale_factor is None else pair("Upsample", "scale_factor", scale_factor, 1)
        self.mode = check_choice("Upsample", "mode", mode, ("nearest", "bilinear"))
        self.align_corners = check_bool("Upsample", "align_corners", align_corners)

    def forward(self, x: Tensor) -> Tensor:
        if check_tensor("Upsample", "x", x).ndim != 4:
            raise ValueError(f"Upsample: `x` has {x.ndim} axes {x.shape}, expected 4")
        factor = self.scale_factor or (1, 1)
        size = self.size or (x.shape[1] * factor[0], x.shape[2] * factor[1])
        if self.mode == "nearest":
            return _nearest(x, size)
        return ops.resize(x, size, "linear", "align_corners" if self.align_corners else "half_pixel")

    def settings(self) -> str:
        size = "size={}x{}".format(*self.size) if self.size else "scale_factor={}x{}".format(*(self.scale_factor or (1, 1)))
        return ", ".join([size, f"mode={self.mode!r}"] + ["align_corners"] * self.align_corners)


def _nearest(x: Tensor, size: tuple[int, int]) -> Tensor:
    """`x` at this size, pixel i from pixel floor(i * n / out) of n, computed in float32 as PyTorch does.

    ONNX divides by out / n, which gives mostly the same pixels: not, for example, the second of 2 from 14."""
    resize = Resize(size, "nearest", "asymmetric", "floor")
    rows, columns = (_pixels(n, out) for n, out in zip(x.shape[1:3], size, strict=True))
    if [taps.sources[:, 0].tolist() for _, taps in resize.taps(x.shape[1:3])] == [rows, columns]:
        return resize(x)
    return x[:, rows][:, :, columns]


def _pixels(n: int, out: int) -> list[int]:
    places = np.floor(np.arange(out, dtype=np.float32) * np.float32(n / out))
    return [int(place) for place in np.minimum(places, n - 1)]


class ChannelShuffle(Module):
    """The channels of `groups` groups in turn. (Zhang et al. 2017, ShuffleNet)"""

    def __init__(self, groups: int) -> None:
        self.groups = check_int("ChannelShuffle", "groups", groups, 1)

    def forward(self, x: Tensor) -> Tensor:
        return ops.channel_shuffle(x, self.groups)

    def settings(self) -> str:
        return str(self.groups)
