"""AlexNet, which the paper compares GoogLeNet with. (Krizhevsky, Sutskever, Hinton, NIPS 2012, section 3.5)

Left out: local response normalisation, as everywhere in this package."""

from functools import partial

from .. import nn, ops
from ..nn.init import Init, normal
from ..tensor import Tensor

FIRST_WEIGHTS = normal(0.01)


class AlexNet(nn.Module):
    """Images [n, 227, 227, 3] to logits [n, num_classes]. `groups` 2: the paper's network on two GPUs; 1: all connected."""

    def __init__(self, num_classes: int = 1000, *, in_channels: int = 3, groups: int = 2, init: Init = FIRST_WEIGHTS) -> None:
        conv = partial(nn.Conv2d, relu=True, init=init)

        def pool() -> nn.MaxPool2d:
            return nn.MaxPool2d(3, stride=2)

        self.conv1 = conv(in_channels, 96, 11, stride=4)
        self.pool1 = pool()
        self.conv2 = conv(96, 256, 5, padding=2, groups=groups, bias_init=1.0)
        self.pool2 = pool()
        self.conv3 = conv(256, 384, 3, padding=1)
        self.conv4 = conv(384, 384, 3, padding=1, groups=groups, bias_init=1.0)
        self.conv5 = conv(384, 256, 3, padding=1, groups=groups, bias_init=1.0)
        self.pool5 = pool()
        self.fc6 = nn.Linear(6 * 6 * 256, 4096, relu=True, init=init, bias_init=1.0)
        self.dropout6 = nn.Dropout(0.5)
        self.fc7 = nn.Linear(4096, 4096, relu=True, init=init, bias_init=1.0)
        self.dropout7 = nn.Dropout(0.5)
        self.fc8 = nn.Linear(4096, num_classes, init=init)

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool1(self.conv1(x))  # 27x27x96
        x = self.pool2(self.conv2(x))  # 13x13x256
        x = self.conv3(x)  # 13x13x384
        x = self.conv4(x)  # 13x13x384
        x = self.pool5(self.conv5(x))  # 6x6x256
        x = self.dropout6(self.fc6(ops.flatten(x)))  # 4096
        x = self.dropout7(self.fc7(x))  # 4096
        y: Tensor = self.fc8(x)
        return y
