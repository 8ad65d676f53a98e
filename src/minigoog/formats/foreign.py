"""Dictionaries of weights from other systems: what they must hold before they are converted."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..reading import reason
from ..text import listed, printable, shortened

BATCH_NORM = ("weight", "bias", "running_mean", "running_var")
AXES = {4: "[out, in, height, width] or [height, width, in, out]", 2: "[in, out] or [out, in]", 1: "one axis"}


def check_names(where: str, given: Any, expected: Iterable[str], ignored: str = "") -> None:
    """Raises ValueError that names missing and unknown keys of `given`; keys that end with `ignored`, if it is given, may be there."""
    if not isinstance(given, Mapping):
        raise TypeError(f"{where}: the weights are {type(given).__name__}, expected a dictionary of NumPy arrays")
    expected, have = set(expected), {name if isinstance(name, str) else repr(name) for name in given}
    wrong = [f"missing `{name}`" for name in sorted(expected - have)]
    wrong += [f"unknown `{shortened(printable(name), 80)}`" for name in sorted(have - expected) if not (ignored and name.endswith(ignored))]
    if wrong:
        raise ValueError(f"{where}: {listed(wrong, 5, 100)}")


def numbers(where: str, name: str, array: Any, axes: int) -> NDArray[np.float64]:
    """The array as float64; ValueError, naming it, if it is not one of finite numbers with so many axes."""
    try:
        found = np.asarray(array)
    except (ValueError, TypeError, RuntimeError) as error:
        raise ValueError(f"{where}: `{name}` is not an array ({reason(error)})") from None
    if found.dtype.kind not in "fiu":
        raise ValueError(f"{where}: `{name}` is {found.dtype}, expected an array of numbers")
    if found.ndim != axes:
        raise ValueError(f"{where}: `{name}` has shape {found.shape}, expected {AXES[axes]}")
    if not np.isfinite(found).all():
        raise ValueError(f"{where}: `{name}` has values that are not finite")
    return found.astype(np.float64)


def float32(where: str, name: str, array: NDArray[Any]) -> NDArray[np.float32]:
    """The array as float32; ValueError, naming it, for values that float32 cannot hold."""
    with np.errstate(over="ignore"):
        found = np.ascontiguousarray(array, np.float32)
    if not np.isfinite(found).all():
        raise ValueError(f"{where}: `{name}` has values that float32 cannot hold")
    return found


def folded(
    where: str, state: Mapping[str, Any], conv: str, norm: str, epsilon: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(weight HWIO, bias) of the convolution `conv` of a state dict and the BatchNorm `norm` after it, computed in float64.

    In evaluation BatchNorm is y = (x - mean) / sqrt(variance + eps) * scale + shift with constants. ValueError, naming the array, for
    other shapes than OIHW and one number for each output channel, and for what overflows."""
    weight = numbers(where, f"{conv}.weight", state[f"{conv}.weight"], 4)
    parts = {part: numbers(where, f"{norm}.{part}", state[f"{norm}.{part}"], 1) for part in BATCH_NORM}
    for part, found in parts.items():
        if found.shape != weight.shape[:1]:
            raise ValueError(f"{where}: `{norm}.{part}` has shape {found.shape}, expected {weight.shape[:1]}")
    scale, shift, mean, variance = parts.values()
    if variance.min(initial=0) < 0:
        raise ValueError(f"{where}: `{norm}.running_var` has the value {variance.min()}, expected variances from 0 on")
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is named by float32()
        gain = scale / np.sqrt(variance + epsilon)
        hwio = (weight * gain[:, None, None, None]).transpose(2, 3, 1, 0)
        bias = shift - mean * gain
    return float32(where, f"{conv}.weight", hwio), float32(where, f"{norm}.bias", bias)


def flattened_hwc(weight: NDArray[np.float32], shape: tuple[int, int, int]) -> NDArray[np.float32]:
    """Weights [out, c * h * w] of a linear layer that reads a map (h, w, c) channel by channel, as [h * w * c, out], pixel by pixel."""
    height, width, channels = shape
    return np.ascontiguousarray(weight.reshape(-1, channels, height, width).transpose(2, 3, 1, 0).reshape(height * width * channels, -1))
