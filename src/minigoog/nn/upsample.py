"""Layers that put a map's values elsewhere: enlarged maps, and the channels of groups in turn."""

from .. import ops
from ..array_types import Pair
from ..checks import check_bool, check_choice, check_int, pair
from ..tensor import Tensor
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
        factor = self.scale_factor or (1, 1)
        size = self.size or (x.shape[1] * factor[0], x.shape[2] * factor[1])
        if self.mode == "nearest":
            return ops.resize(x, size, "nearest", "asymmetric", "floor")
        return ops.resize(x, size, "linear", "align_corners" if self.align_corners else "half_pixel")

    def settings(self) -> str:
        size = "size={}x{}".format(*self.size) if self.size else "scale_factor={}x{}".format(*(self.scale_factor or (1, 1)))
        return ", ".join([size, f"mode={self.mode!r}"] + ["align_corners"] * self.align_corners)


class ChannelShuffle(Module):
    """The channels of `groups` groups in turn. (Zhang et al. 2017, ShuffleNet)"""

    def __init__(self, groups: int) -> None:
        self.groups = check_int("ChannelShuffle", "groups", groups, 1)

    def forward(self, x: Tensor) -> Tensor:
        return ops.channel_shuffle(x, self.groups)

    def settings(self) -> str:
        return str(self.groups)
