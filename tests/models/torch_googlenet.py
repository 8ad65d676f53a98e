"""GoogLeNet in PyTorch, both variants, as an independent reference. NCHW; torchvision's names in its variant."""

import torch
import torch.nn.functional as F
from torch import nn

TABLE = (  # in  1x1 3x3r  3x3 5x5r 5x5 pool; transcribed from the paper, not imported
    ("3a", 192, 64, 96, 128, 16, 32, 32),
    ("3b", 256, 128, 128, 192, 32, 96, 64),
    ("4a", 480, 192, 96, 208, 16, 48, 64),
    ("4b", 512, 160, 112, 224, 24, 64, 64),
    ("4c", 512, 128, 128, 256, 24, 64, 64),
    ("4d", 512, 112, 144, 288, 32, 64, 64),
    ("4e", 528, 256, 160, 320, 32, 128, 128),
    ("5a", 832, 256, 160, 320, 32, 128, 128),
    ("5b", 832, 384, 192, 384, 48, 128, 128),
)


class Conv(nn.Module):
    """Convolution and ReLU, between them BatchNorm in torchvision's network."""

    def __init__(self, cin, cout, size, batch_norm, **kwargs):
        super().__init__()
        self.conv = nn.Conv2d(cin, cout, size, bias=not batch_norm, **kwargs)
        self.bn = nn.BatchNorm2d(cout, eps=0.001) if batch_norm else nn.Identity()

    def forward(self, x):
        return F.relu(self.bn(self.conv(x)))


class Inception(nn.Module):
    def __init__(self, cin, c1, r3, c3, r5, c5, pool, bn):
        super().__init__()
        wide = 3 if bn else 5
        self.branch1 = Conv(cin, c1, 1, bn)
        self.branch2 = nn.Sequential(Conv(cin, r3, 1, bn), Conv(r3, c3, 3, bn, padding=1))
        self.branch3 = nn.Sequential(Conv(cin, r5, 1, bn), Conv(r5, c5, wide, bn, padding=wide // 2))
        self.branch4 = nn.Sequential(nn.MaxPool2d(3, stride=1, padding=1, ceil_mode=True), Conv(cin, pool, 1, bn))

    def forward(self, x):
        return torch.cat([self.branch1(x), self.branch2(x), self.branch3(x), self.branch4(x)], 1)


class Head(nn.Module):
    def __init__(self, cin, classes, bn):
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(4) if bn else nn.AvgPool2d(5, stride=3)
        self.conv = Conv(cin, 128, 1, bn)
        self.fc1, self.fc2 = nn.Linear(2048, 1024), nn.Linear(1024, classes)

    def forward(self, x):
        return self.fc2(F.relu(self.fc1(torch.flatten(self.conv(self.pool(x)), 1))))


class TorchGoogLeNet(nn.Module):
    """All logits: (main, 4a, 4d). Without dropout, which has no gradient to compare."""

    def __init__(self, classes=1000, torchvision=False):
        super().__init__()
        self.conv1 = Conv(3, 64, 7, torchvision, stride=2, padding=3)
        self.conv2 = Conv(64, 64, 1, torchvision)
        self.conv3 = Conv(64, 192, 3, torchvision, padding=1)
        for name, *widths in TABLE:
            self.add_module(f"inception{name}", Inception(*widths, torchvision))
        self.aux1, self.aux2 = Head(512, classes, torchvision), Head(528, classes, torchvision)
        self.fc = nn.Linear(1024, classes)
        self.pool4 = 2 if torchvision else 3

    def forward(self, x):
        x = F.max_pool2d(self.conv1(x), 3, 2, ceil_mode=True)
        x = F.max_pool2d(self.conv3(self.conv2(x)), 3, 2, ceil_mode=True)
        x = F.max_pool2d(self.inception3b(self.inception3a(x)), 3, 2, ceil_mode=True)
        x = self.inception4a(x)
        aux1 = self.aux1(x)
        x = self.inception4d(self.inception4c(self.inception4b(x)))
        aux2 = self.aux2(x)
        x = F.max_pool2d(self.inception4e(x), self.pool4, 2, ceil_mode=True)
        x = self.inception5b(self.inception5a(x)).mean((2, 3))
        return self.fc(x), aux1, aux2
