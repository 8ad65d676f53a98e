"""A network of GoogLeNet's parts for images of 28x28 or 32x32 pixels: CIFAR, MNIST, Fashion-MNIST."""

from .. import nn
from ..nn.inception import conv_relu
from ..tensor import Tensor

TABLE = (  # in 1x1 3x3r 3x3 5x5r 5x5 pool
    ("2a", 64, 32, 48, 64, 8, 16, 16),
    ("2b", 128, 48, 48, 80, 12, 24, 24),
    ("3a", 176, 64, 64, 128, 16, 32, 32),
    ("3b", 256, 64, 64, 128, 16, 32, 32),
    ("3c", 256, 96, 96, 192, 16, 48, 48),
)


class SmallInception(nn.Module):
    """Images [n, 32, 32, in_channels], or 28x28, to logits [n, num_classes]: two convolutions and five Inception modules.

    `norm`: batch normalisation after each convolution."""

    def __init__(self, num_classes: int = 10, *, in_channels: int = 3, norm: bool = False) -> None:
        conv = conv_relu(norm=norm)
        self.conv1 = nn.Sequential(wide=conv(in_channels, 32, 3, padding=1), conv=conv(32, 64, 3, padding=1))
        self.pool1 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        for row, *widths in TABLE:
            setattr(self, f"inception{row}", nn.Inception(*widths, norm=norm))
            if row == "2b":
                self.pool2 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.pool3 = nn.GlobalAvgPool2d()
        self.classifier = nn.Linear(384, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv1(x)  # 32x32x64
        x = self.pool1(x)  # 16x16x64
        x = self.inception2a(x)  # 16x16x128
        x = self.inception2b(x)  # 16x16x176
        x = self.pool2(x)  # 8x8x176
        x = self.inception3a(x)  # 8x8x256
        x = self.inception3b(x)  # 8x8x256
        x = self.inception3c(x)  # 8x8x384
        x = self.pool3(x)  # 384
        y: Tensor = self.classifier(x)
        return y
