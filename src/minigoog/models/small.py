"""A network of GoogLeNet's parts for images of 28x28 or 32x32 pixels: CIFAR, MNIST, Fashion-MNIST."""

from .. import nn
from ..nn.inception import conv_relu

TABLE = (  # in 1x1 3x3r 3x3 5x5r 5x5 pool
    ("2a", 64, 48, 64, 96, 16, 32, 32),
    ("2b", 208, 64, 80, 128, 16, 32, 32),
    ("3a", 256, 96, 96, 192, 16, 48, 48),
    ("3b", 384, 96, 96, 192, 16, 48, 48),
    ("3c", 384, 128, 128, 256, 16, 64, 64),
)


class SmallInception(nn.Module):
    """Images [n, 32, 32, in_channels], or 28x28, to logits [n, num_classes]: two convolutions and five Inception modules.

    `norm`: batch normalisation after each convolution."""

    def __init__(self, num_classes=10, in_channels=3, norm=False, dropout=0.2):
        conv = conv_relu(norm=norm)
        self.conv1 = nn.Sequential(wide=conv(in_channels, 32, 3, padding=1), conv=conv(32, 64, 3, padding=1))
        self.pool1 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        for row, *widths in TABLE:
            setattr(self, f"inception{row}", nn.Inception(*widths, norm=norm))
            if row == "2b":
                self.pool2 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.pool3 = nn.GlobalAvgPool2d()
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(512, num_classes)

    def forward(self, x):
        x = self.conv1(x)  # 32x32x64
        x = self.pool1(x)  # 16x16x64
        x = self.inception2a(x)  # 16x16x208
        x = self.inception2b(x)  # 16x16x256
        x = self.pool2(x)  # 8x8x256
        x = self.inception3a(x)  # 8x8x384
        x = self.inception3b(x)  # 8x8x384
        x = self.inception3c(x)  # 8x8x512
        x = self.pool3(x)  # 512
        return self.classifier(self.dropout(x))
