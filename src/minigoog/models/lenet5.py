"""LeNet-5, whose C3 layer is the random and sparse connection table that GoogLeNet's paper mentions. (LeCun et al. 1998, section II.B)"""

from collections.abc import Sequence

import numpy as np

from .. import nn, ops
from ..array_types import Array, Shape
from ..nn.init import Init, lecun_uniform
from ..nn.module import Parameter
from ..tensor import Tensor

# Which of the six maps of S2 each of the sixteen maps of C3 sees (table I).
C3_TABLE = (
    *("012", "123", "234", "345", "045", "015"),
    *("0123", "1234", "2345", "0345", "0145", "0125", "0134", "1245", "0235"),
    "012345",
)

# The codes that F6 is compared with: 7x12 bitmaps of the digits. The paper shows its own in a figure; these follow it.
BITMAPS = """
.......  .......  .......  .......  .......  .......  .......  .......  .......  .......
..###..  ...#...  ..###..  .#####.  .....#.  .#####.  ...###.  .#####.  ..###..  ..###..
.#...#.  ..##...  .#...#.  .....#.  ....##.  .#.....  ..#....  .....#.  .#...#.  .#...#.
.#...#.  .#.#...  .....#.  ....#..  ...#.#.  .#.....  .#.....  .....#.  .#...#.  .#...#.
.#...#.  ...#...  .....#.  ...#...  ..#..#.  .#.....  .#.....  ....#..  .#...#.  .#...#.
.#...#.  ...#...  ....#..  ..###..  .#...#.  .####..  .####..  ....#..  ..###..  .#...#.
.#...#.  ...#...  ...#...  .....#.  .#####.  .....#.  .#...#.  ...#...  .#...#.  ..####.
.#...#.  ...#...  ..#....  .....#.  .....#.  .....#.  .#...#.  ...#...  .#...#.  .....#.
.#...#.  ...#...  .#.....  .....#.  .....#.  .....#.  .#...#.  ..#....  .#...#.  .....#.
.#...#.  ...#...  .#.....  .#...#.  .....#.  .#...#.  .#...#.  ..#....  .#...#.  ....#..
..###..  .#####.  .#####.  ..###..  .....#.  ..###..  ..###..  ..#....  ..###..  .###...
.......  .......  .......  .......  .......  .......  .......  .......  .......  .......
"""


def digit_codes() -> Array:
    """The ten bitmaps as rows of +1 (ink) and -1: [10, 84]."""
    rows = [line.split() for line in BITMAPS.strip().splitlines()]
    return np.array([[1 if ink == "#" else -1 for row in rows for ink in row[digit]] for digit in range(10)], np.float32)


class Subsampling(nn.Module):
    """The sum of each 2x2 window times a coefficient plus a bias, both learned, one each for every map."""

    def __init__(self, channels: int) -> None:
        self.coefficient = Parameter(np.full(channels, 0.25, np.float32))
        self.bias = Parameter(np.zeros(channels, np.float32))
        self.pool = nn.AvgPool2d(2)

    def forward(self, x: Tensor) -> Tensor:
        return ops.channel_affine(self.pool(x), 4 * self.coefficient, self.bias)


class ConnectedConv2d(nn.Module):
    """A 5x5 convolution in which output map i reads only the input maps in table[i]: one kernel for each connection."""

    def __init__(self, table: Sequence[str], init: Init) -> None:
        self.inputs = [int(channel) for row in table for channel in row]
        self.outputs = [i for i, row in enumerate(table) for _ in row]
        self.channels = (max(self.inputs) + 1, len(table))
        fan_in = 25 * np.bincount(self.outputs)[self.outputs]
        self.weight = Parameter(init((1, 5, 5, len(self.inputs)))[0] * np.float32(25) / fan_in.astype(np.float32))
        self.bias = Parameter(np.zeros(len(table), np.float32))

    def forward(self, x: Tensor) -> Tensor:
        return ops.conv2d(x, ops.connect(self.weight, self.inputs, self.outputs, self.channels), self.bias)

    def multiply_adds(self, x_shape: Shape, y_shape: Shape) -> int:
        return y_shape[0] * y_shape[1] * y_shape[2] * self.weight.size


class LeNet5(nn.Module):
    """Images [n, 32, 32, 1] (28x28 digits with a border of 2) to logits [n, 10]: minus the squared distances to the digits' codes.

    With cross-entropy this is the paper's maximum a posteriori criterion without its rubbish class (equation 9)."""

    def __init__(self, *, init: Init = lecun_uniform) -> None:
        def squash() -> nn.Tanh:
            return nn.Tanh(gain=1.7159, slope=2 / 3)

        self.c1 = nn.Conv2d(1, 6, 5, init=init)
        self.a1 = squash()
        self.s2 = Subsampling(6)
        self.a2 = squash()
        self.c3 = ConnectedConv2d(C3_TABLE, init)
        self.a3 = squash()
        self.s4 = Subsampling(16)
        self.a4 = squash()
        self.c5 = nn.Conv2d(16, 120, 5, init=init)
        self.a5 = squash()
        self.f6 = nn.Linear(120, 84, init=init)
        self.a6 = squash()
        self.codes = digit_codes()

    def forward(self, x: Tensor) -> Tensor:
        x = self.a1(self.c1(x))  # 28x28x6
        x = self.a2(self.s2(x))  # 14x14x6
        x = self.a3(self.c3(x))  # 10x10x16
        x = self.a4(self.s4(x))  # 5x5x16
        x = self.a5(self.c5(x))  # 1x1x120
        x = self.a6(self.f6(ops.flatten(x)))  # 84
        return -ops.squared_distance(x, self.codes)  # 10
