"""The same network in PyTorch, from minigoog's weights."""

from typing import Any

import torch
import torch.nn.functional as F
from layers import parts
from torch import nn


class _Layer(nn.Module):
    """A convolution (HWIO to OIHW) or linear layer of minigoog, with its ReLU."""

    def __init__(self, layer: Any, pixels: tuple[int, int, int] | None = None):
        super().__init__()
        weight = torch.from_numpy(layer.weight.data.copy())
        if weight.ndim == 4:
            self.layer = nn.Conv2d(layer.in_channels, layer.out_channels, layer.kernel_size, layer.stride, layer.padding)
            weight = weight.permute(3, 2, 0, 1)
        else:
            self.layer = nn.Linear(layer.in_features, layer.out_features)
            if pixels:  # minigoog flattens height, width, channels; PyTorch channels first
                weight = weight.reshape(*pixels, -1).permute(2, 0, 1, 3).reshape(layer.in_features, -1)
            weight = weight.T
        with torch.no_grad():
            self.layer.weight.copy_(weight)
            self.layer.bias.copy_(torch.from_numpy(layer.bias.data))
        self.relu = layer.relu

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.layer(x)
        return F.relu(x, inplace=True) if self.relu else x


class _Inception(nn.Module):
    def __init__(self, module: Any):
        super().__init__()
        self.b1 = _Layer(module.branch1x1)
        self.b3 = nn.Sequential(_Layer(module.branch3x3.reduce), _Layer(module.branch3x3.conv))
        self.b5 = nn.Sequential(_Layer(module.branch5x5.reduce), _Layer(module.branch5x5.conv))
        self.bp = nn.Sequential(nn.MaxPool2d(3, 1, 1), _Layer(module.branch_pool.project))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([self.b1(x), self.b3(x), self.b5(x), self.bp(x)], 1)


class _Head(nn.Module):
    def __init__(self, head: Any):
        super().__init__()
        self.conv, self.hidden, self.classifier = _Layer(head.conv), _Layer(head.hidden, (4, 4, 128)), _Layer(head.classifier)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.classifier(self.hidden(torch.flatten(self.conv(F.avg_pool2d(x, 5, 3)), 1)))


class _GoogLeNet(nn.Module):
    def __init__(self, model: Any):
        super().__init__()
        self.stem = nn.ModuleList([_Layer(model.conv1), _Layer(model.conv2.reduce), _Layer(model.conv2.conv)])
        self.blocks = nn.ModuleDict({name: _Inception(m) for name, m in parts(model, "inception")})
        self.heads = nn.ModuleDict({name: _Head(m) for name, m in parts(model, "aux_")})
        self.classifier = _Layer(model.classifier)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        x = F.max_pool2d(self.stem[0](x), 3, 2, ceil_mode=True)
        x = F.max_pool2d(self.stem[2](self.stem[1](x)), 3, 2, ceil_mode=True)
        heads = []
        for name, block in self.blocks.items():
            x = block(x)
            if f"aux_{name[-2:]}" in self.heads:
                heads.append(self.heads[f"aux_{name[-2:]}"](x))
            if name[-2:] in ("3b", "4e"):
                x = F.max_pool2d(x, 3, 2, ceil_mode=True)
        return self.classifier(x.mean((2, 3))), *heads


def torch_googlenet(model: Any) -> nn.Module:
    """The torch.nn.Module of a minigoog GoogLeNet (paper's variant); returns a tuple, the logits first. NCHW."""
    return _GoogLeNet(model)
