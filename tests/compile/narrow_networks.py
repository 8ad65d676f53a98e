"""A network whose plan has every call on narrow maps."""

import numpy as np

import minigoog as mg
from minigoog import nn, ops


def images(n=4, size=32, channels=3, seed=0):
    return np.random.default_rng(seed).standard_normal((n, size, size, channels)).astype(np.float32)


class Narrow(nn.Module):
    """Products with padding, strides, groups and clips, a concatenation, pools, copies, and an operation in float32 between them."""

    def __init__(self):
        mg.manual_seed(3)
        self.first = nn.Conv2d(3, 8, 3, padding=1, relu=True)
        self.a, self.b = nn.Conv2d(8, 12, 3, padding=1, relu=True), nn.Conv2d(8, 4, 1)
        self.c = nn.Conv2d(16, 16, 3, stride=2, groups=2, relu=True)
        self.d, self.e = nn.Conv2d(16, 24, 1, relu=True), nn.Linear(40, 5)

    def forward(self, x):
        x = self.first(x)
        x = ops.concat([self.a(x), ops.max_pool2d(ops.clip(self.b(x), 0.0, 6.0), 3, stride=1, padding=1)])
        y = self.d(ops.channel_shuffle(self.c(x), 4))
        return self.e(ops.concat([ops.global_avg_pool2d(ops.avg_pool2d(y, 3)), ops.global_avg_pool2d(ops.sigmoid(x))]))
