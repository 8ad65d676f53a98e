"""What the walk says of a number in fewer bits is what the kernels of bytes and of bf16 compute."""

import io
import re

import numpy as np
import pytest

import minigoog as mg
from minigoog import nn
from minigoog.inspection.walk import bits
from minigoog.inspection.walk.walk import Walk
from minigoog.kernels.reference import bf16, int8


@pytest.fixture(scope="module")
def trace():
    mg.manual_seed(0)
    model = mg.models.TinyInception()
    for parameter in model.parameters():
        if parameter.data.ndim == 1:
            parameter.data[...] = np.random.default_rng(1).standard_normal(parameter.shape) / 4
    return mg.trace(model, mg.data.digits()[1].images[0] / 255, 5)


STEPS = ["conv1", "inception2a.branch1x1", "inception2a.branch3x3.conv", "inception2a.branch5x5.conv"]


@pytest.mark.parametrize("name", STEPS)
def test_every_code_is_that_of_the_kernel_of_bytes(trace, name):
    step = trace.forward[name][0]
    x, w, b = step.inputs
    _, rows, columns, channels = step.output_shape
    one = bits.coded(step, (0, 0, 0))
    codes, scales = int8.quantize_weights(w)
    bias = np.rint(b / (one.x_scale * scales)).astype(np.int32)
    factors = (one.x_scale * scales / one.y_scale).astype(np.float32)
    window = {name: step.op.window[name] for name in ("stride", "padding")}
    y = int8.int8_conv2d(int8.quantize(x, one.x_scale), codes, bias, factors, **window)
    for i, j, c in np.random.default_rng(0).integers(0, (rows, columns, channels), (20, 3)):
        assert bits.coded(step, (i, j, c)).code == y[0, i, j, c]
    halves = bf16.from_bf16(bf16.bf16_conv2d(bf16.to_bf16(x), bf16.to_bf16(w), b, limits=(0.0, np.inf), **window))
    found = np.array([[bits.in_bf16(step, (i, j, 2)) for j in range(columns)] for i in range(rows)])
    assert np.abs(found - halves[0, ..., 2]).max() <= halves[0, ..., 2].max() * 2.0**-8


def test_the_text_has_scales_products_sum_factor_code_and_value(trace):
    walk = Walk(trace, np.zeros((8, 8, 1)), strict=True, stdout=io.StringIO())
    walk.onecmd("jump inception2a.branch5x5.reduce")
    walk.onecmd("bits 3 3 4")
    lines = dict(re.findall(r"^(\w+) +(\S+)", walk.stdout.getvalue(), re.M))
    sum_, factor, code = (float(lines[name].replace(",", "")) for name in ("sum", "times", "code"))
    assert code == round(sum_ * factor) and float(lines["value"]) == pytest.approx(code * float(lines["output"]), rel=1e-4)
    assert all(len(line) <= 80 for line in walk.stdout.getvalue().splitlines())
    walk.stdout.truncate(0)


def test_what_has_no_codes_is_said(trace):
    walk = Walk(trace, np.zeros((8, 8, 1)), strict=True, stdout=io.StringIO())
    walk.onecmd("jump inception2a.branch_pool.pool")
    with pytest.raises(ValueError, match=r"bits: inception2a.branch_pool.pool is a MaxPool2d, expected a convolution"):
        walk.onecmd("bits 1 1 1")
    with pytest.raises(ValueError, match="bits takes row, column, channel"):
        walk.onecmd("bits 1")
    mg.manual_seed(0)
    steps = mg.trace(nn.Sequential(nn.Conv2d(1, 3, 1), nn.GlobalAvgPool2d()), -np.ones((4, 4, 1), np.float32), 0)
    with pytest.raises(ValueError, match="has negative numbers, expected a map after a ReLU, whose code of 0 is 0"):
        Walk(steps, np.zeros((4, 4, 1)), strict=True).onecmd("bits 1 1 1")
