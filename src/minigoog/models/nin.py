"""Network in Network for CIFAR-10: a small network in place of each filter, which is two 1x1 convolutions. (Lin et al., arXiv 1312.4400)"""

from functools import partial

from .. import nn
from ..nn.init import Init, he_normal
from ..tensor import Tensor

BLOCKS = (  # in  window padding  out  1x1  1x1   pool
    (None, 5, 2, 192, 160, 96, nn.MaxPool2d),
    (96, 5, 2, 192, 192, 192, nn.AvgPool2d),
    (192, 3, 1, 192, 192, None, None),
)


class NetworkInNetwork(nn.Module):
    """Images [n, 32, 32, 3] to logits [n, num_classes], which are the means of the last maps: no linear layer."""

    def __init__(self, num_classes: int = 10, *, in_channels: int = 3, init: Init = he_normal) -> None:
        conv = partial(nn.Conv2d, relu=True, init=init)
        for i, (cin, window, padding, c1, c2, c3, pool) in enumerate(BLOCKS, start=1):
            layers: dict[str, nn.Module] = {
                "conv": conv(cin or in_channels, c1, window, padding=padding),
                "cccp1": conv(c1, c2, 1),
                "cccp2": conv(c2, c3 or num_classes, 1),
            }
            if pool:
                layers |= {"pool": pool(3, stride=2, ceil_mode=True), "dropout": nn.Dropout(0.5)}
            setattr(self, f"block{i}", nn.Sequential(**layers))
        self.pool = nn.GlobalAvgPool2d()

    def forward(self, x: Tensor) -> Tensor:
        x = self.block1(x)  # 16x16x96
        x = self.block2(x)  # 8x8x192
        x = self.block3(x)  # 8x8x10
        y: Tensor = self.pool(x)  # 10
        return y
