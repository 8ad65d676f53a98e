"""The two Inception modules of the paper's figure 2. Every branch writes into its slice of the output's channels: no copy."""

from collections.abc import Callable
from functools import partial

from ..checks import check_int
from .batch_norm import ConvBNReLU
from .containers import Branches, Sequential
from .conv import Conv2d
from .init import Init, he_normal
from .module import Module
from .pool import MaxPool2d


def conv_relu(*, init: Init = he_normal, bias_init: float = 0.0, norm: bool = False) -> Callable[..., Module]:
    """A function that makes convolutions with ReLU of these settings; with `norm` they are normalised and need no bias."""
    if norm:
        return partial(ConvBNReLU, init=init)
    return partial(Conv2d, relu=True, init=init, bias_init=bias_init)


def _check_channels(where: str, **channels: int) -> None:
    for name, n in channels.items():
        check_int(where, name, n, 1)


class Inception(Branches):
    """Figure 2b: 1x1; 1x1 then 3x3; 1x1 then 5x5; 3x3 max pool then 1x1. ReLU after every convolution.

    Arguments in the order of the paper's table 1. `kernel_5x5`: the size of the 5x5 branch's window (3 in torchvision's network).
    `init`, `bias_init`: initial weights and biases. `norm`: batch normalisation after each convolution."""

    def __init__(
        self, in_channels: int, ch1x1: int, ch3x3red: int, ch3x3: int, ch5x5red: int, ch5x5: int, pool_proj: int, *,
        kernel_5x5: int = 5, init: Init = he_normal, bias_init: float = 0.0, norm: bool = False,
    ) -> None:
        _check_channels(
            "Inception", in_channels=in_channels, ch1x1=ch1x1, ch3x3red=ch3x3red, ch3x3=ch3x3, ch5x5red=ch5x5red, ch5x5=ch5x5,
            pool_proj=pool_proj, kernel_5x5=kernel_5x5,
        )
        conv = conv_relu(init=init, bias_init=bias_init, norm=norm)
        self.branch1x1 = conv(in_channels, ch1x1, 1)
        self.branch3x3 = Sequential(reduce=conv(in_channels, ch3x3red, 1), conv=conv(ch3x3red, ch3x3, 3, padding=1))
        self.branch5x5 = Sequential(reduce=conv(in_channels, ch5x5red, 1), conv=conv(ch5x5red, ch5x5, kernel_5x5, padding=kernel_5x5 // 2))
        self.branch_pool = Sequential(pool=MaxPool2d(3, stride=1, padding=1), project=conv(in_channels, pool_proj, 1))
        self.out_channels = ch1x1 + ch3x3 + ch5x5 + pool_proj


class NaiveInception(Branches):
    """Figure 2a: 1x1, 3x3 and 5x5 straight on the input, and a 3x3 max pool that passes all channels on."""

    def __init__(
        self, in_channels: int, ch1x1: int, ch3x3: int, ch5x5: int, *,
        init: Init = he_normal, bias_init: float = 0.0, norm: bool = False,
    ) -> None:
        _check_channels("NaiveInception", in_channels=in_channels, ch1x1=ch1x1, ch3x3=ch3x3, ch5x5=ch5x5)
        conv = conv_relu(init=init, bias_init=bias_init, norm=norm)
        self.branch1x1 = conv(in_channels, ch1x1, 1)
        self.branch3x3 = conv(in_channels, ch3x3, 3, padding=1)
        self.branch5x5 = conv(in_channels, ch5x5, 5, padding=2)
        self.branch_pool = MaxPool2d(3, stride=1, padding=1)
        self.out_channels = ch1x1 + ch3x3 + ch5x5 + in_channels
