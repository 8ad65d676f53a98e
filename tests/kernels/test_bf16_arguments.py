"""Kernels of training in bf16 refuse arguments that do not suit each other, before any C code runs."""

import numpy as np
import pytest

from minigoog.kernels.native import bf16_training as native
from minigoog.kernels.reference import bf16_training as reference
from minigoog.kernels.reference.bf16 import from_bf16, to_bf16
from tests.kernels.test_bf16_training import values

X, W, POOL = to_bf16(values(1, 1, 4, 4, 2)), values(2, 1, 1, 2, 3), {"kernel_size": 2, "stride": 1}
DZ, READ_ONLY = to_bf16(values(3, 1, 4, 4, 3)), np.zeros(X.shape, np.float32)
READ_ONLY.flags.writeable = False


@pytest.mark.parametrize("module", [native, reference], ids=["native", "reference"])
@pytest.mark.parametrize("name, arguments, error, message", [
    ("to_bf16", {"x": W.astype(np.float64)}, TypeError, "`x` is float64, expected float32"),
    ("to_bf16", {"x": W, "out": W.copy()}, TypeError, "`out` is float32, expected uint16"),
    ("conv2d", {"x": X, "w": W.astype(np.float64)}, TypeError, "`w` is float64, expected float32"),
    ("conv2d", {"x": X, "w": W, "b": W[0, 0, 0, :2]}, ValueError, r"`b` has shape \(2,\), expected \(3,\)"),
    ("conv2d", {"x": X, "w": W, "b": np.zeros(3)}, TypeError, "`b` is float64, expected float32"),
    ("conv2d", {"x": X, "w": W, "relu": 1}, TypeError, "`relu` is 1, expected True or False"),
    ("conv2d", {"x": X, "w": W, "out": [1.0]}, TypeError, "`out` is list, expected a NumPy array"),
    ("conv2d", {"x": X, "w": W, "out": np.zeros(DZ.shape)}, TypeError, "`out` is float64, expected float32"),
    ("conv2d", {"x": X, "w": W[..., :2], "out": X}, ValueError, "`out` overlaps `x`"),
    ("conv2d_input", {"x_shape": X.shape, "w": W.astype(np.float64), "dz": DZ}, TypeError, "`w` is float64, expected float32"),
    ("conv2d_input", {"x_shape": X.shape, "w": W, "dz": X}, ValueError, "`dz` has shape"),
    ("conv2d_input", {"x_shape": X.shape, "w": W, "dz": from_bf16(DZ)}, TypeError, "`dz` is float32, expected uint16"),
    ("conv2d_input", {"x_shape": X.shape, "w": W, "dz": DZ, "accumulate": X}, TypeError, "`accumulate` is uint16, expected float32"),
    ("conv2d_input", {"x_shape": X.shape, "w": W, "dz": DZ, "accumulate": READ_ONLY}, ValueError, "`accumulate` is read-only"),
    ("conv2d_weight", {"x": X, "w_shape": W.shape, "dz": DZ.astype(np.float64)}, TypeError, "`dz` is float64"),
    ("conv2d_weight", {"x": X, "w_shape": W.shape, "dz": from_bf16(DZ)}, TypeError, "`dz` is float32, expected uint16"),
    ("relu_bias_backward", {"y": from_bf16(X), "dy": from_bf16(X), "to_bf16": True}, TypeError, "`y` is float32, expected uint16"),
    ("relu_bias_backward", {"y": X, "dy": from_bf16(X), "to_bf16": 1}, TypeError, "`to_bf16` is 1, expected True or False"),
    ("relu_bias_backward", {"y": X, "dy": from_bf16(X), "to_bf16": False, "out": READ_ONLY}, ValueError, "`out` is read-only"),
    ("max_pool2d", {"x": from_bf16(X), **POOL}, TypeError, "`x` is float32, expected uint16"),
    ("max_pool2d", {"x": X, "out": X, **POOL}, ValueError, "`out` has shape"),
    ("max_pool2d", {"x": X, "with_index": 1, **POOL}, TypeError, "`with_index` is 1, expected True or False"),
    ("max_pool2d", {"x": to_bf16(values(1, 1, 40, 40, 2)), "kernel_size": 17}, ValueError,
     r"`kernel_size` is \(17, 17\), expected windows of at most 16x16 pixels"),
])  # fmt: skip
def test_wrong_arguments_are_named(module, name, arguments, error, message):
    with pytest.raises(error, match=rf"^(bf16\.)?{name}: {message}"):
        getattr(module, name)(**arguments)


def test_by_winograd_wrong_arrays_are_refused_too():
    x_shape, w, dz = (4, 20, 20, 32), values(1, 3, 3, 32, 32), values(2, 4, 20, 20, 32)
    with pytest.raises(TypeError, match="bf16.conv2d_input: `dz` is uint16, expected float32"):
        native.conv2d_input(x_shape, w, to_bf16(dz), padding=1)
    with pytest.raises(TypeError, match="bf16.conv2d_weight: `dz` is uint16, expected float32"):
        native.conv2d_weight(dz, w.shape, to_bf16(dz), padding=1)
    with pytest.raises(ValueError, match="bf16.conv2d_input: `accumulate` has shape"):
        native.conv2d_input(x_shape, w, dz, padding=1, accumulate=np.zeros((4, 20, 20, 5), np.float32))
