"""Plans of bf16 with calibration images: weights rounded by the second moments of what they multiply."""

import numpy as np
import pytest

import minigoog as mg
from minigoog import nn
from minigoog.compile import calibration
from minigoog.kernels.reference import bf16 as reference
from minigoog.kernels.reference import bf16_winograd
from minigoog.kernels.reference.bf16_rounding import to_bf16_by_channels
from minigoog.kernels.reference.int8_rounding import feedback
from tests.compile.narrow_networks import Narrow, images
from tests.compile.test_bf16_plan import moving, written_everywhere
from tests.kernels.judge import same_bits


def integers(n, size, channels, seed=0):
    """Images of integers up to 200, exact in bf16 and as what moments are made of, whose channels vary together."""
    rng = np.random.default_rng(seed)
    x = np.rint(np.abs(rng.standard_normal((n, size, size, 2)) @ rng.standard_normal((2, channels)) * 30)).clip(0, 200)
    x[0, 0, 0, 0] = 200
    return x.astype(np.float32)


def moments(x, padding):
    """Of the channels of `x` with its padding."""
    p = (padding, padding)
    pixels = np.pad(x, ((0, 0), p, p, (0, 0))).reshape(-1, x.shape[3]).astype(np.float64)
    return pixels.T @ pixels / len(pixels)


@pytest.mark.parametrize("groups", [1, 2])
def test_a_layer_has_the_bits_of_weights_rounded_by_the_moments_of_what_it_reads(groups):
    """Between a first layer that moves values and a last one that moves its sums, in float32. A batch of 4, of 7 images."""
    model = nn.Sequential(moving(8), nn.Conv2d(8, 12, 3, padding=1, groups=groups, relu=True), moving(12))
    x = integers(7, 9, 8)
    y = mg.compile(model, (4, 9, 9, 8), precision="bf16", calibrate=x)(x[:4].copy())
    c, w, each = moments(x, 1), model[1].weight.data, 8 // groups
    parts = [slice(g * each, (g + 1) * each) for g in range(groups)]
    codes = [to_bf16_by_channels(part, feedback(c[at, at])) for at, part in zip(parts, np.split(w, groups, axis=-1), strict=True)]
    settings = {"padding": 1, "groups": groups, "limits": (0.0, np.inf), "to_float": True}
    expected = reference.bf16_conv2d(reference.to_bf16(x[:4]), np.concatenate(codes, axis=-1), model[1].bias.data, **settings)
    assert same_bits(y, expected)
    assert not same_bits(y, mg.compile(model, (4, 9, 9, 8), precision="bf16")(x[:4].copy()))


def test_a_layer_by_winograd_rounds_the_weights_of_means_so(monkeypatch):
    model = nn.Sequential(moving(16), nn.Conv2d(16, 20, 3, padding=1, relu=True), moving(20), moving(20))
    x = integers(3, 9, 16)
    plan = mg.compile(model, x.shape, precision="bf16", calibrate=x)
    assert "bf16 winograd" in {step.algorithm for step in plan.steps}
    w, whole = model[1].weight.data, bf16_winograd.winograd_weights
    monkeypatch.setattr(bf16_winograd, "winograd_weights", lambda w: whole(w, feedback(moments(x, 1))))
    y = bf16_winograd.bf16_conv2d_winograd(reference.to_bf16(x), w, model[1].bias.data, padding=1, limits=(0.0, np.inf))
    assert same_bits(plan(x), reference.from_bf16(y))


def test_what_is_lost_on_other_images_is_less():
    mg.manual_seed(0)
    model = nn.Sequential(moving(48), nn.Conv2d(48, 40, 3, padding=1), moving(40))
    seen, others = integers(12, 8, 48)[:8], integers(12, 8, 48)[8:].copy()
    exact = mg.compile(model, others.shape)(others)

    def lost(**settings):
        return np.linalg.norm(mg.compile(model, others.shape, precision="bf16", **settings)(others) - exact)

    assert lost(calibrate=seen) < 0.6 * lost()


def test_maps_of_fewer_pixels_than_channels_say_nothing():
    x = integers(1, 2, 8)
    model = nn.Sequential(moving(8), nn.Conv2d(8, 12, 1, relu=True), moving(12))
    plain, calibrated = (mg.compile(model, x.shape, precision="bf16", **how)(x) for how in ({}, {"calibrate": x}))
    assert same_bits(plain, calibrated)


def test_maps_that_overflow_on_calibration_images_say_nothing():
    model, x = nn.Sequential(moving(8), moving(8), nn.Conv2d(8, 12, 1, relu=True), moving(12)), integers(3, 9, 8)
    model[1].weight.data[0, 0, 1, 1] = 2.0**120
    x[..., 1], y = 0, x + 2.0**10
    with np.errstate(invalid="ignore"):  # of errors in decibels
        calibrated = mg.compile(model, x.shape, precision="bf16", calibrate=y)
    assert same_bits(calibrated(x), mg.compile(model, x.shape, precision="bf16")(x))


def test_plans_have_the_same_bits_on_every_instruction_set_and_any_number_of_threads():
    """Behind the first layer, which is exact here."""
    found = written_everywhere(calibrated=True)
    assert all(same_bits(found[0], y) for y in found)


def test_plans_for_all_numbers_of_images_have_the_same_weights():
    model, seen = Narrow(), images(5)
    one, both = (
        mg.compile(model, shapes, precision="bf16", calibrate=seen) for shapes in ((1, 32, 32, 3), [(1, 32, 32, 3), (4, 32, 32, 3)])
    )
    assert both.constant_bytes == one.constant_bytes
    assert same_bits(both(seen[:4].copy()), np.concatenate([one(image[None].copy()) for image in seen[:4]]))


def test_no_products_of_channels_are_measured_that_no_rounding_uses(monkeypatch):
    """Those of a map of c channels take 8 c^2 bytes: 5 GB of the 25,088 before VGG's first Linear."""
    measured, add = [], calibration.Moments.add
    monkeypatch.setattr(calibration.Moments, "add", lambda self, values: (measured.append(values.shape[-1]), add(self, values)))
    convolutions = nn.Conv2d(4, 8, 1, relu=True), nn.Conv2d(8, 8, 3, padding=1, relu=True)
    model = nn.Sequential(*convolutions, nn.Flatten(), nn.Linear(3200, 4, relu=True), nn.Linear(4, 3))
    x = np.random.default_rng(1).random((5, 20, 20, 4), np.float32)
    mg.compile(model, (2, 20, 20, 4), precision="bf16", calibrate=x)
    assert measured == [8] * 5, "image by image, not the 3,200 values of a row"
