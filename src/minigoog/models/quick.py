"""A network that learns small images in few epochs on a CPU: wide 3x3 convolutions, which Winograd's algorithm makes cheap.

The plan is that of airbench94 (Jordan, arXiv 2404.00498): a first layer that may be whitened, pools before normalisation, logits that
start small. Its second convolutions are modules of two branches here, 1x1 beside 3x3."""

from .. import nn
from ..checks import check_int
from ..nn.init import dirac
from ..tensor import Tensor

WIDTH = 32
TABLE = (  # 3x3   1x1 beside 3x3
    ("2", 32, 8, 24),
    ("3", 128, 32, 96),
    ("4", 128, 32, 96),
)
WINDOW, COMPONENTS = 3, 12  # of the first layer, if it is whitened: weaker components are noise
SMALLER = 0.125  # of the features: the first logits are small, and the classifier changes slowly


class QuickInception(nn.Module):
    """Images [n, 32, 32, in_channels], or of other sizes from 8x8 on, to logits [n, num_classes]; batch normalisation throughout.

    `width`: channels of the first 3x3 convolution; those of all later layers change with it."""

    def __init__(self, num_classes: int = 10, *, in_channels: int = 3, width: int = WIDTH) -> None:
        check_int("QuickInception", "width", width, 4)
        inputs = 2 * min(COMPONENTS, WINDOW * WINDOW * in_channels)  # filters and their negatives, see `whitening_filters`
        self.stem = nn.Conv2d(in_channels, inputs, WINDOW, padding=WINDOW // 2, relu=True)
        for row, *outputs in TABLE:
            wide, ch1x1, ch3x3 = (n * width // WIDTH for n in outputs)
            setattr(self, f"conv{row}", _pooled(inputs, wide))
            setattr(self, f"inception{row}", _module(wide, ch1x1, ch3x3))
            inputs = ch1x1 + ch3x3
        self.pool4 = nn.MaxPool2d(4, ceil_mode=True)
        self.pool5 = nn.GlobalAvgPool2d()
        self.classifier = nn.Linear(inputs, num_classes, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)  # 32x32x24
        x = self.conv2(x)  # 16x16x32
        x = self.inception2(x)  # 16x16x32
        x = self.conv3(x)  # 8x8x128
        x = self.inception3(x)  # 8x8x128
        x = self.conv4(x)  # 4x4x128
        x = self.inception4(x)  # 4x4x128
        x = self.pool5(self.pool4(x))  # 128
        y: Tensor = self.classifier(SMALLER * x)
        return y


def _pooled(inputs: int, outputs: int) -> nn.Module:
    """A 3x3 convolution, and a pool before normalisation and ReLU, which then have a quarter of the pixels to read."""
    conv = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False, init=dirac)
    return nn.Sequential(conv=conv, pool=nn.MaxPool2d(2), norm=nn.BatchNorm2d(outputs, relu=True))


def _module(inputs: int, ch1x1: int, ch3x3: int) -> nn.Module:
    return nn.Branches(
        branch1x1=nn.ConvBNReLU(inputs, ch1x1, 1),
        branch3x3=nn.ConvBNReLU(inputs, ch3x3, 3, padding=1, init=dirac),
    )
