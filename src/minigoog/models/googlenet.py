"""GoogLeNet: the 22-layer network of "Going deeper with convolutions" (arXiv 1409.4842), table 1. No local response normalisation."""

from typing import Any, NamedTuple

from .. import nn, ops
from ..checks import check_bool
from ..nn.inception import conv_relu
from ..nn.init import Init, he_normal
from ..tensor import Tensor

TABLE_1 = (  # in  1x1 3x3r  3x3 5x5r 5x5 pool
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
HEADS = {"4a": 512, "4d": 528}  # the modules with an auxiliary head, and their output channels
AUX_INPUT_SIZES = range(223, 271)  # pixels of images whose map is 14 to 16 pixels large at the heads, which pool it to 4x4

# The differences between the two variants. torchvision's also has batch normalisation after every convolution, which in evaluation
# is folded into the convolution's weights and bias (formats/torchvision.py).
VARIANTS: dict[str, dict[str, Any]] = {
    "paper": {"kernel_5x5": 5, "pool4": 3, "dropout": 0.4},
    "torchvision": {"kernel_5x5": 3, "pool4": 2, "dropout": 0.2},
}


class GoogLeNetOutput(NamedTuple):
    """What GoogLeNet returns in training: logits [n, classes] of the classifier and of both auxiliary heads."""

    logits: Tensor
    aux_4a: Tensor
    aux_4d: Tensor


class AuxiliaryHead(nn.Module):
    """A small classifier on an inner map of 14x14 pixels: average pool to 4x4, 1x1 convolution, two linear layers. (Section 5)"""

    def __init__(self, in_channels: int, num_classes: int, pool: nn.Module, init: Init, bias_init: float) -> None:
        self.pool = pool
        self.conv = nn.Conv2d(in_channels, 128, 1, relu=True, init=init, bias_init=bias_init)
        self.hidden = nn.Linear(4 * 4 * 128, 1024, relu=True, init=init, bias_init=bias_init)
        self.dropout = nn.Dropout(0.7)
        self.classifier = nn.Linear(1024, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool(x)  # 4x4x512 or 528
        if x.shape[1:3] != (4, 4):
            raise ValueError(f"GoogLeNet: an auxiliary head needs 4x4 pixels after its pool but has {x.shape[1]}x{x.shape[2]}: "
                             f"use images of {AUX_INPUT_SIZES[0]} to {AUX_INPUT_SIZES[-1]} pixels, or aux_heads=False")
        x = self.conv(x)  # 4x4x128
        x = self.hidden(ops.flatten(x))  # 1024
        y: Tensor = self.classifier(self.dropout(x))
        return y


class GoogLeNet(nn.Module):
    """Table 1, from images [n, 224, 224, 3] to logits [n, num_classes]; without heads from 31 pixels ("torchvision": 15) on.

    In training with `aux_heads` it returns a GoogLeNetOutput, otherwise the logits. `variant`: "paper", or "torchvision" for the
    network of that library (3x3 in the 5x5 branch, 2x2 in pool4, other pooling in the heads, less dropout). `init`, `bias_init`:
    initial weights and biases; He initialisation keeps the scale of activations through 22 layers without normalisation. `norm`: batch
    normalisation after each convolution outside the heads."""

    def __init__(
        self, num_classes: int = 1000, *, in_channels: int = 3, variant: str = "paper", aux_heads: bool = True,
        init: Init = he_normal, bias_init: float = 0.0, norm: bool = False,
    ) -> None:
        if variant not in VARIANTS:
            raise ValueError(f"GoogLeNet: `variant` is {variant!r}, expected one of {', '.join(VARIANTS)}")
        settings, conv = VARIANTS[variant], conv_relu(init=init, bias_init=bias_init, norm=norm)

        def pool(size: int = 3) -> nn.MaxPool2d:
            return nn.MaxPool2d(size, stride=2, ceil_mode=True)

        self.aux_heads = check_bool("GoogLeNet", "aux_heads", aux_heads)
        self.conv1 = conv(in_channels, 64, 7, stride=2, padding=3)
        self.pool1 = pool()
        self.conv2 = nn.Sequential(reduce=conv(64, 64, 1), conv=conv(64, 192, 3, padding=1))
        self.pool2 = pool()
        for row, *widths in TABLE_1:
            module = nn.Inception(*widths, kernel_5x5=settings["kernel_5x5"], init=init, bias_init=bias_init, norm=norm)
            setattr(self, f"inception{row}", module)
            if row == "3b":
                self.pool3 = pool()
            if row == "4e":
                self.pool4 = pool(settings["pool4"])
        self.pool5 = nn.GlobalAvgPool2d()
        self.dropout = nn.Dropout(settings["dropout"])
        self.classifier = nn.Linear(1024, num_classes)
        if aux_heads:
            for row, channels in HEADS.items():
                head_pool = nn.AvgPool2d(5, stride=3) if variant == "paper" else nn.AdaptiveAvgPool2d(4)
                setattr(self, f"aux_{row}", AuxiliaryHead(channels, num_classes, head_pool, init, bias_init))

    def forward(self, x: Tensor) -> Tensor | GoogLeNetOutput:
        heads, aux = self.training and self.aux_heads, []
        x = self.conv1(x)  # 112x112x64
        x = self.pool1(x)  # 56x56x64
        x = self.conv2(x)  # 56x56x192
        x = self.pool2(x)  # 28x28x192
        x = self.inception3a(x)  # 28x28x256
        x = self.inception3b(x)  # 28x28x480
        x = self.pool3(x)  # 14x14x480
        x = self.inception4a(x)  # 14x14x512
        if heads:
            aux.append(self.aux_4a(x))
        x = self.inception4b(x)  # 14x14x512
        x = self.inception4c(x)  # 14x14x512
        x = self.inception4d(x)  # 14x14x528
        if heads:
            aux.append(self.aux_4d(x))
        x = self.inception4e(x)  # 14x14x832
        x = self.pool4(x)  # 7x7x832
        x = self.inception5a(x)  # 7x7x832
        x = self.inception5b(x)  # 7x7x1024
        x = self.pool5(x)  # 1024
        logits: Tensor = self.classifier(self.dropout(x))
        return GoogLeNetOutput(logits, *aux) if heads else logits
