"""A network of the same parts as GoogLeNet, small enough to learn digits in seconds."""

from .. import nn
from ..nn.inception import conv_relu
from ..tensor import Tensor


class TinyInception(nn.Module):
    """Images [n, 8, 8, 1] to logits [n, num_classes]: a convolution, two Inception modules, a pool that rounds up, two more."""

    def __init__(self, num_classes: int = 10, *, in_channels: int = 1, norm: bool = False) -> None:
        self.conv1 = conv_relu(norm=norm)(in_channels, 32, 3, padding=1)
        self.inception2a = nn.Inception(32, 16, 16, 32, 8, 16, 16, norm=norm)
        self.inception2b = nn.Inception(80, 24, 24, 48, 8, 16, 16, norm=norm)
        self.pool2 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.inception3a = nn.Inception(104, 32, 32, 64, 8, 24, 24, norm=norm)
        self.inception3b = nn.Inception(144, 48, 32, 64, 8, 24, 24, norm=norm)
        self.pool3 = nn.GlobalAvgPool2d()
        self.dropout = nn.Dropout(0.4)
        self.classifier = nn.Linear(160, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv1(x)  # 8x8x32
        x = self.inception2a(x)  # 8x8x80
        x = self.inception2b(x)  # 8x8x104
        x = self.pool2(x)  # 4x4x104
        x = self.inception3a(x)  # 4x4x144
        x = self.inception3b(x)  # 4x4x160
        x = self.pool3(x)  # 160
        y: Tensor = self.classifier(self.dropout(x))
        return y
