"""Weights of Caffe's GoogLeNet ("bvlc_googlenet"), converted to this package's names and order of colours.

Caffe's network has local response normalisation in two places, which this package does not have: its predictions are less accurate
here. (docs/caffe_googlenet.py approximates it)"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .foreign import check_names, float32, numbers

WHERE = "googlenet_from_caffe"
BRANCHES = {  # ours -> theirs, within an Inception module
    "branch1x1": "1x1",
    "branch3x3.reduce": "3x3_reduce",
    "branch3x3.conv": "3x3",
    "branch5x5.reduce": "5x5_reduce",
    "branch5x5.conv": "5x5",
    "branch_pool.project": "pool_proj",
}
LAYERS = {"conv1": "conv1/7x7_s2", "conv2.reduce": "conv2/3x3_reduce", "conv2.conv": "conv2/3x3", "classifier": "loss3/classifier"}
MODULES = ("3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b")
MEAN = (123.0, 117.0, 104.0)  # of red, green and blue; the standard deviation is 1: the network sees image - mean


def googlenet_from_caffe(arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[np.float32]]:
    """The state dict of GoogLeNet(aux_heads=False) from Caffe's weights: `layer.weight` as HWIO or [in, out], and `layer.bias`.

    The first convolution's input channels are reordered from blue, green, red to red, green, blue. Raises ValueError that names
    missing and unknown layers, or arrays that are not the finite numbers of a layer."""
    layers = dict(LAYERS)
    for module in MODULES:
        layers |= {f"inception{module}.{ours}": f"inception_{module}/{theirs}" for ours, theirs in BRANCHES.items()}
    names = {f"{ours}.{part}": f"{theirs}.{part}" for ours, theirs in layers.items() for part in ("weight", "bias")}
    check_names(WHERE, arrays, names.values())
    state = {ours: float32(WHERE, theirs, numbers(WHERE, theirs, arrays[theirs], _axes(theirs))) for ours, theirs in names.items()}
    if state["conv1.weight"].shape[2] != 3:
        raise ValueError(f"{WHERE}: `{names['conv1.weight']}` has shape {state['conv1.weight'].shape}, expected 3 input channels")
    state["conv1.weight"] = np.ascontiguousarray(state["conv1.weight"][:, :, ::-1])
    return state


def _axes(theirs: str) -> int:
    """The axes of an array of this name."""
    return 1 if theirs.endswith(".bias") else 2 if "classifier" in theirs else 4
