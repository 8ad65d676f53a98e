"""Weights of torchvision's GoogLeNet, converted to this package's names and layout (from OIHW), with BatchNorm folded in.

In evaluation BatchNorm2d is y = (x - mean) / sqrt(variance + eps) * scale + shift with constants: part of the convolution before it."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .foreign import check_names, float32, numbers

StateDict: TypeAlias = Mapping[str, NDArray[Any]]

WHERE = "googlenet_from_torchvision"
EPSILON = 1e-3  # of torchvision's GoogLeNet
BRANCHES = {  # ours -> theirs, within an Inception module
    "branch1x1": "branch1",
    "branch3x3.reduce": "branch2.0",
    "branch3x3.conv": "branch2.1",
    "branch5x5.reduce": "branch3.0",
    "branch5x5.conv": "branch3.1",
    "branch_pool.project": "branch4.1",
}
STEM = {"conv1": "conv1", "conv2.reduce": "conv2", "conv2.conv": "conv3"}
MODULES = ("3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b")
HEADS = {"aux_4a": "aux1", "aux_4d": "aux2"}
BATCH_NORM = ("weight", "bias", "running_mean", "running_var")


def googlenet_from_torchvision(state: StateDict) -> dict[str, NDArray[np.float32]]:
    """The state dict of GoogLeNet(variant="torchvision") from torchvision's, a dict of NumPy arrays; with heads if it has them.

    Raises ValueError that names missing and unknown keys, or arrays of another shape."""
    heads = any(str(name).startswith("aux") for name in state)
    convolutions = dict(STEM)
    for module in MODULES:
        convolutions |= {f"inception{module}.{part}": f"inception{module}.{theirs}" for part, theirs in BRANCHES.items()}
    linears = {"classifier": "fc"}
    if heads:
        convolutions |= {f"{head}.conv": f"{theirs}.conv" for head, theirs in HEADS.items()}
        for head, theirs in HEADS.items():
            linears |= {f"{head}.hidden": f"{theirs}.fc1", f"{head}.classifier": f"{theirs}.fc2"}
    check_names(WHERE, state, _names(convolutions.values(), linears.values()), "num_batches_tracked")
    ours: dict[str, NDArray[np.float32]] = {}
    for name, theirs in convolutions.items():
        ours[f"{name}.weight"], ours[f"{name}.bias"] = _folded(state, theirs)
    for name, theirs in linears.items():
        weight = float32(WHERE, f"{theirs}.weight", numbers(WHERE, f"{theirs}.weight", state[f"{theirs}.weight"], 2))
        ours[f"{name}.weight"] = _flattened_hwc(weight) if name.endswith(".hidden") else np.ascontiguousarray(weight.T)
        ours[f"{name}.bias"] = float32(WHERE, f"{theirs}.bias", numbers(WHERE, f"{theirs}.bias", state[f"{theirs}.bias"], 1))
    return ours


def _names(convolutions: Iterable[str], linears: Iterable[str]) -> Iterator[str]:
    """The keys of their state dict."""
    for name in convolutions:
        yield f"{name}.conv.weight"
        yield from (f"{name}.bn.{part}" for part in BATCH_NORM)
    for name in linears:
        yield from (f"{name}.weight", f"{name}.bias")


def _folded(state: StateDict, name: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(weight HWIO, bias) of a convolution and the BatchNorm after it, computed in float64."""
    weight = numbers(WHERE, f"{name}.conv.weight", state[f"{name}.conv.weight"], 4)
    parts = {part: numbers(WHERE, f"{name}.bn.{part}", state[f"{name}.bn.{part}"], 1) for part in BATCH_NORM}
    for part, values in parts.items():
        if values.shape != weight.shape[:1]:
            raise ValueError(f"{WHERE}: `{name}.bn.{part}` has shape {values.shape}, expected {weight.shape[:1]}")
    scale, shift, mean, variance = parts.values()
    if variance.min(initial=0) < 0:
        raise ValueError(f"{WHERE}: `{name}.bn.running_var` has the value {variance.min()}, expected variances from 0 on")
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is named by float32()
        gain = scale / np.sqrt(variance + EPSILON)
        hwio = (weight * gain[:, None, None, None]).transpose(2, 3, 1, 0)
        bias = shift - mean * gain
    return float32(WHERE, f"{name}.conv.weight", hwio), float32(WHERE, f"{name}.bn.bias", bias)


def _flattened_hwc(weight: NDArray[np.float32]) -> NDArray[np.float32]:
    """A head's first linear layer [1024, 2048]: theirs flattens the 4x4x128 map channel by channel, ours pixel by pixel."""
    if weight.shape[1] != 2048:
        raise ValueError(f"{WHERE}: a head's first linear layer has shape {weight.shape}, expected [1024, 2048]")
    return np.ascontiguousarray(weight.reshape(-1, 128, 4, 4).transpose(2, 3, 1, 0).reshape(2048, -1))
