"""A network of GoogLeNet's parts for images of 28x28 or 32x32 pixels: CIFAR, MNIST, Fashion-MNIST."""

from .. import nn
from ..checks import check_int
from ..nn.inception import conv_relu
from ..tensor import Tensor

WIDTH = 32
TABLE = (  # 1x1 3x3r 3x3 5x5r 5x5 pool
    ("2a", 32, 48, 64, 8, 16, 16),
    ("2b", 48, 48, 80, 12, 24, 24),
    ("3a", 64, 64, 128, 16, 32, 32),
    ("3b", 64, 64, 128, 16, 32, 32),
    ("3c", 96, 96, 192, 16, 48, 48),
)


class SmallInception(nn.Module):
    """Images [n, 32, 32, in_channels], or 28x28, to logits [n, num_classes]: two convolutions and five Inception modules.

    `norm`: batch normalisation after each convolution. `width`: channels of the first convolution; those of all layers change with it."""

    def __init__(self, num_classes: int = 10, *, in_channels: int = 3, norm: bool = False, width: int = WIDTH) -> None:
        check_int("SmallInception", "width", width, 4)
        conv = conv_relu(norm=norm)
        self.conv1 = nn.Sequential(wide=conv(in_channels, width, 3, padding=1), conv=conv(width, 2 * width, 3, padding=1))
        self.pool1 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        inputs = 2 * width
        for row, *outputs in TABLE:
            module = nn.Inception(inputs, *(n * width // WIDTH for n in outputs), norm=norm)
            setattr(self, f"inception{row}", module)
            inputs = sum(outputs[i] * width // WIDTH for i in (0, 2, 4, 5))
            if row == "2b":
                self.pool2 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.pool3 = nn.GlobalAvgPool2d()
        self.classifier = nn.Linear(inputs, num_classes)

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
