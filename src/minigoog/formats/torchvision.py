"""Weights of torchvision's GoogLeNet, converted to this package's names and layout (from OIHW), with BatchNorm folded in.

In evaluation BatchNorm2d is y = (x - mean) / sqrt(variance + eps) * scale + shift with constants: part of the convolution before it."""

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

StateDict: TypeAlias = Mapping[str, NDArray[Any]]

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
    heads = any(name.startswith("aux") for name in state)
    convolutions = dict(STEM)
    for module in MODULES:
        convolutions |= {f"inception{module}.{part}": f"inception{module}.{theirs}" for part, theirs in BRANCHES.items()}
    linears = {"classifier": "fc"}
    if heads:
        convolutions |= {f"{head}.conv": f"{theirs}.conv" for head, theirs in HEADS.items()}
        for head, theirs in HEADS.items():
            linears |= {f"{head}.hidden": f"{theirs}.fc1", f"{head}.classifier": f"{theirs}.fc2"}
    _check_names(state, convolutions.values(), linears.values())
    ours: dict[str, NDArray[np.float32]] = {}
    for name, theirs in convolutions.items():
        ours[f"{name}.weight"], ours[f"{name}.bias"] = _folded(state, theirs)
    for name, theirs in linears.items():
        weight = np.asarray(state[f"{theirs}.weight"], np.float32)
        ours[f"{name}.weight"] = _flattened_hwc(weight) if name.endswith(".hidden") else np.ascontiguousarray(weight.T)
        ours[f"{name}.bias"] = np.asarray(state[f"{theirs}.bias"], np.float32)
    return ours


def _check_names(state: StateDict, convolutions: Iterable[str], linears: Iterable[str]) -> None:
    convolutions = list(convolutions)
    expected = {f"{c}.conv.weight" for c in convolutions} | {f"{c}.bn.{part}" for c in convolutions for part in BATCH_NORM}
    expected |= {f"{name}.{part}" for name in linears for part in ("weight", "bias")}
    have = {name for name in state if not name.endswith("num_batches_tracked")}
    wrong = [f"missing `{name}`" for name in sorted(expected - have)] + [f"unknown `{name}`" for name in sorted(have - expected)]
    if wrong:
        more = f" and {len(wrong) - 5} more" if len(wrong) > 5 else ""
        raise ValueError(f"googlenet_from_torchvision: {'; '.join(wrong[:5])}{more}")


def _folded(state: StateDict, name: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(weight HWIO, bias) of a convolution and the BatchNorm after it, computed in float64."""
    weight = np.asarray(state[f"{name}.conv.weight"], np.float64)
    if weight.ndim != 4:
        raise ValueError(f"googlenet_from_torchvision: `{name}.conv.weight` has shape {weight.shape}, expected [out, in, height, width]")
    scale, shift, mean, variance = (np.asarray(state[f"{name}.bn.{part}"], np.float64) for part in BATCH_NORM)
    for part, values in zip(BATCH_NORM, (scale, shift, mean, variance), strict=True):
        if values.shape != weight.shape[:1]:
            raise ValueError(f"googlenet_from_torchvision: `{name}.bn.{part}` has shape {values.shape}, expected {weight.shape[:1]}")
    gain = scale / np.sqrt(variance + EPSILON)
    hwio = (weight * gain[:, None, None, None]).transpose(2, 3, 1, 0)
    return np.ascontiguousarray(hwio, np.float32), (shift - mean * gain).astype(np.float32)


def _flattened_hwc(weight: NDArray[np.float32]) -> NDArray[np.float32]:
    """A head's first linear layer [1024, 2048]: theirs flattens the 4x4x128 map channel by channel, ours pixel by pixel."""
    if weight.ndim != 2 or weight.shape[1] != 2048:
        raise ValueError(f"googlenet_from_torchvision: a head's first linear layer has shape {weight.shape}, expected [1024, 2048]")
    return np.ascontiguousarray(weight.reshape(-1, 128, 4, 4).transpose(2, 3, 1, 0).reshape(2048, -1))
