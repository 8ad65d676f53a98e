"""Weights of torchvision's GoogLeNet to and from this package's names and layout (OIHW to HWIO), with BatchNorm folded in.

In evaluation BatchNorm2d is y = (x - mean) / sqrt(variance + eps) * scale + shift with constants: part of the convolution before it.

torchvision's network may change its input first (`transform_input`, which its pretrained weights need, and which no state dict tells):
from images normalised as for ImageNet to (x - 0.5) / 0.5. That change is not folded into the first convolution, because it comes
before the convolution's padding with zeros: with other weights and biases, pixels at the border would be wrong. It is part of how the
image is normalised: (x - 0.5) / 0.5 at once, which is exact."""

import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..checks import check_bool
from . import state_dict
from .foreign import check_names, float32, numbers

StateDict: TypeAlias = Mapping[str, NDArray[Any]]
Values: TypeAlias = NDArray[np.float32]

WHERE = "googlenet_from_torchvision"
EPSILON = 1e-3  # of torchvision's GoogLeNet
OWN_EPSILON = 1e-5  # of nn.BatchNorm2d
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
# Only the outputs in training were ever exchanged, until November 2024 (github.com/pytorch/vision/issues/8736): not the keys.
HEADS = {"aux_4a": "aux1", "aux_4d": "aux2"}
BATCH_NORM = ("weight", "bias", "running_mean", "running_var")
NORMALIZATION = {  # transform_input -> (mean, std) of red, green and blue, from 0 to 255
    True: ((127.5,) * 3, (127.5,) * 3),
    False: ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375)),
}


class FromTorchvision(NamedTuple):
    """weights: the state dict of GoogLeNet(variant="torchvision"). It expects images (pixels - mean) / std, pixels from 0 to 255."""

    weights: dict[str, Values]
    mean: tuple[float, ...]
    std: tuple[float, ...]


def googlenet_from_torchvision(state: StateDict | str | os.PathLike[str], *, transform_input: bool) -> FromTorchvision:
    """torchvision's GoogLeNet as our GoogLeNet(variant="torchvision"), with heads if the state dict has them, and what images it expects.

    `state`: a dict of NumPy arrays, or a .pth or .safetensors file. `transform_input`: of torchvision's network: True for its
    pretrained weights and what was trained from them. Raises ValueError that names missing and unknown keys, or arrays of another
    shape."""
    mean, std = NORMALIZATION[check_bool(WHERE, "transform_input", transform_input)]
    if isinstance(state, (str, os.PathLike)):
        state = state_dict.load(state)
    convolutions, linears = _layers(isinstance(state, Mapping) and any(str(name).startswith("aux") for name in state))
    check_names(WHERE, state, _names(convolutions.values(), linears.values()), "num_batches_tracked")
    ours: dict[str, Values] = {}
    for name, theirs in convolutions.items():
        ours[f"{name}.weight"], ours[f"{name}.bias"] = _folded(state, theirs)
    for name, theirs in linears.items():
        weight = float32(WHERE, f"{theirs}.weight", numbers(WHERE, f"{theirs}.weight", state[f"{theirs}.weight"], 2))
        ours[f"{name}.weight"] = _flattened_hwc(weight) if name.endswith(".hidden") else np.ascontiguousarray(weight.T)
        ours[f"{name}.bias"] = float32(WHERE, f"{theirs}.bias", numbers(WHERE, f"{theirs}.bias", state[f"{theirs}.bias"], 1))
    return FromTorchvision(ours, mean, std)


def _layers(heads: bool) -> tuple[dict[str, str], dict[str, str]]:
    """(convolutions, linear layers): ours -> theirs."""
    convolutions, linears = dict(STEM), {"classifier": "fc"}
    for module in MODULES:
        convolutions |= {f"inception{module}.{part}": f"inception{module}.{theirs}" for part, theirs in BRANCHES.items()}
    if heads:
        convolutions |= {f"{head}.conv": f"{theirs}.conv" for head, theirs in HEADS.items()}
        for head, theirs in HEADS.items():
            linears |= {f"{head}.hidden": f"{theirs}.fc1", f"{head}.classifier": f"{theirs}.fc2"}
    return convolutions, linears


def _names(convolutions: Iterable[str], linears: Iterable[str]) -> Iterator[str]:
    """The keys of their state dict."""
    for name in convolutions:
        yield f"{name}.conv.weight"
        yield from (f"{name}.bn.{part}" for part in BATCH_NORM)
    for name in linears:
        yield from (f"{name}.weight", f"{name}.bias")


def _folded(state: StateDict, name: str) -> tuple[Values, Values]:
    """(weight HWIO, bias) of a convolution and the BatchNorm after it, computed in float64."""
    weight = numbers(WHERE, f"{name}.conv.weight", state[f"{name}.conv.weight"], 4)
    parts = {part: numbers(WHERE, f"{name}.bn.{part}", state[f"{name}.bn.{part}"], 1) for part in BATCH_NORM}
    for part, found in parts.items():
        if found.shape != weight.shape[:1]:
            raise ValueError(f"{WHERE}: `{name}.bn.{part}` has shape {found.shape}, expected {weight.shape[:1]}")
    scale, shift, mean, variance = parts.values()
    if variance.min(initial=0) < 0:
        raise ValueError(f"{WHERE}: `{name}.bn.running_var` has the value {variance.min()}, expected variances from 0 on")
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is named by float32()
        gain = scale / np.sqrt(variance + EPSILON)
        hwio = (weight * gain[:, None, None, None]).transpose(2, 3, 1, 0)
        bias = shift - mean * gain
    return float32(WHERE, f"{name}.conv.weight", hwio), float32(WHERE, f"{name}.bn.bias", bias)


def _flattened_hwc(weight: Values) -> Values:
    """A head's first linear layer [1024, 2048]: theirs flattens the 4x4x128 map channel by channel, ours pixel by pixel."""
    if weight.shape[1] != 2048:
        raise ValueError(f"{WHERE}: a head's first linear layer has shape {weight.shape}, expected [1024, 2048]")
    return np.ascontiguousarray(weight.reshape(-1, 128, 4, 4).transpose(2, 3, 1, 0).reshape(2048, -1))


# ---- and back ----

BACK = "googlenet_to_torchvision"


def googlenet_to_torchvision(weights: StateDict) -> dict[str, NDArray[Any]]:
    """The state dict of torchvision's GoogLeNet that computes what our GoogLeNet(variant="torchvision") with these weights does.

    Our convolutions have a bias and no BatchNorm: theirs get one that changes nothing (in evaluation: running_var + eps = 1), with the
    bias as its shift. Of a network with `norm` the statistics are kept. ValueError for the weights of another network."""
    convolutions, linears = _layers(isinstance(weights, Mapping) and any(str(name).startswith("aux") for name in weights))
    normed = {name for name in convolutions if isinstance(weights, Mapping) and f"{name}.norm.weight" in weights}
    check_names(BACK, weights, _own_names(convolutions, linears, normed))
    theirs: dict[str, NDArray[Any]] = {}
    for name, other in convolutions.items():
        theirs |= _unfolded(weights, name, other, name in normed)
    for name, other in linears.items():
        weight = float32(BACK, f"{name}.weight", numbers(BACK, f"{name}.weight", weights[f"{name}.weight"], 2))
        theirs[f"{other}.weight"] = _flattened_chw(weight) if name.endswith(".hidden") else np.ascontiguousarray(weight.T)
        theirs[f"{other}.bias"] = float32(BACK, f"{name}.bias", numbers(BACK, f"{name}.bias", weights[f"{name}.bias"], 1))
    return theirs


def _own_names(convolutions: Iterable[str], linears: Iterable[str], normed: set[str]) -> Iterator[str]:
    """The keys of our state dict."""
    for name in convolutions:
        if name in normed:
            yield f"{name}.conv.weight"
            yield from (f"{name}.norm.{part}" for part in BATCH_NORM)
        else:
            yield from (f"{name}.weight", f"{name}.bias")
    for name in linears:
        yield from (f"{name}.weight", f"{name}.bias")


def _unfolded(weights: StateDict, name: str, theirs: str, normed: bool) -> dict[str, NDArray[Any]]:
    """A convolution of ours as a convolution without bias, and BatchNorm."""
    source = f"{name}.conv.weight" if normed else f"{name}.weight"
    weight = float32(BACK, source, numbers(BACK, source, weights[source], 4))
    if name.endswith("branch5x5.conv") and weight.shape[:2] != (3, 3):
        raise ValueError(f"{BACK}: `{source}` has shape {weight.shape}, expected [3, 3, in, out]: torchvision's network has no 5x5")
    found = {f"{theirs}.conv.weight": np.ascontiguousarray(weight.transpose(3, 2, 0, 1))}
    parts = _kept(weights, name) if normed else _neutral(numbers(BACK, f"{name}.bias", weights[f"{name}.bias"], 1))
    found |= {f"{theirs}.bn.{part}": float32(BACK, f"{name}.{part}", parts[part]) for part in BATCH_NORM}
    return found | {f"{theirs}.bn.num_batches_tracked": np.array(0)}


def _neutral(bias: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """A BatchNorm that adds the bias: 1 / sqrt(running_var + eps) is 1, in float32 too."""
    ones = np.ones_like(bias)
    return {"weight": ones, "bias": bias, "running_mean": 0 * ones, "running_var": (1 - EPSILON) * ones}


def _kept(weights: StateDict, name: str) -> dict[str, NDArray[np.float64]]:
    """The BatchNorm of ours, with a factor that makes up for the other epsilon."""
    parts = {part: numbers(BACK, f"{name}.norm.{part}", weights[f"{name}.norm.{part}"], 1) for part in BATCH_NORM}
    parts["weight"] = parts["weight"] * np.sqrt((parts["running_var"] + EPSILON) / (parts["running_var"] + OWN_EPSILON))
    return parts


def _flattened_chw(weight: Values) -> Values:
    """The inverse of _flattened_hwc."""
    return np.ascontiguousarray(weight.reshape(4, 4, 128, -1).transpose(3, 2, 0, 1).reshape(-1, 2048))
