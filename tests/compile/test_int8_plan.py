"""Plans that compute with bytes: which maps are codes, how far they are from float32, the same bits everywhere, errors."""

from types import SimpleNamespace

import numpy as np
import pytest

import minigoog as mg
from minigoog import kernels, models, nn, ops
from minigoog.compile import calibration
from minigoog.kernels import reference
from minigoog.kernels.native import machine, plan_int8
from minigoog.kernels.reference.int8 import quantize_weights
from minigoog.kernels.shapes import conv_shape
from tests.kernels.judge import same_bits

SHAPE = (1, 64, 64, 3)


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).standard_normal((4, 64, 64, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def googlenet():
    mg.manual_seed(0)
    return models.GoogLeNet(10, aux_heads=False)


@pytest.fixture(scope="module")
def plan(googlenet, images):
    return mg.compile(googlenet, SHAPE, precision="int8", calibrate=images)


def test_all_products_but_the_last_compute_with_bytes(plan):
    products = [step for step in plan.steps if step.multiply_adds]
    assert [step.algorithm.split()[0] for step in products] == [*["int8"] * (len(products) - 1), "bf16"]
    kinds = [step.kind for step in plan.steps if "to " in step.kind]
    assert kinds == ["image to codes", "to bf16"], "between the image and the classifier nothing returns to float32"


def test_windows_of_3x3_are_multiplied_by_winograd_with_the_same_bits(monkeypatch):
    mg.manual_seed(4)
    first, windows = nn.Conv2d(3, 16, 1, relu=True), nn.Conv2d(16, 24, 3, padding=1, relu=True)
    model = nn.Sequential(first, windows, nn.GlobalAvgPool2d(), nn.Linear(24, 5))
    x = np.random.default_rng(1).random((1, 9, 10, 3), np.float32)
    found = {}
    for algorithm, pays in (("int8 winograd", True), ("int8", False)):
        monkeypatch.setattr(kernels.native.int8, "pairs_pay", lambda *_, pays=pays: pays)
        plan = mg.compile(model, x.shape, precision="int8", calibrate=x)
        assert [step.algorithm for step in plan.steps if step.multiply_adds] == ["int8", algorithm, "bf16"]
        found[algorithm] = plan(x)
    assert same_bits(*found.values())


def test_the_branches_of_a_concatenation_share_a_scale_and_one_map(plan):
    written = zip(plan.steps, plan.versions[0].formats.written, strict=True)
    scales = {step.name: (step.y.buffer, scale) for step, scale in written if step.algorithm.startswith("int8")}
    whole, a = scales["inception4b (3 layers)"]
    names = ["branch3x3.conv", "branch5x5.conv", "branch_pool.project"]
    assert all(scales[f"inception4b.{name}"] == (whole, a) for name in names)
    assert len({scale for _, scale in scales.values()}) > 9


def test_a_plan_of_bytes_is_near_the_plan_of_floats(googlenet, plan, images):
    exact = mg.compile(googlenet, SHAPE)
    for image in images:
        x = np.ascontiguousarray(image[None])
        y, expected = plan(x), exact(x)
        assert np.linalg.norm(y - expected) < 0.1 * np.linalg.norm(expected)
    assert plan.constant_bytes < 0.3 * exact.constant_bytes


def codes_of_floats():
    """A network whose first layer is in float32, since no image has 8 channels, fed with codes that are exact in float32."""
    return Bytes(), np.round(np.abs(np.random.default_rng(1).standard_normal((1, 12, 12, 8))) * 16).astype(np.float32)


def an_image():
    mg.manual_seed(6)
    first, second = nn.Conv2d(3, 8, 5, stride=2, padding=2, relu=True), nn.Conv2d(8, 16, 3, padding=1, relu=True)
    model = nn.Sequential(first, nn.MaxPool2d(3, 2), second, nn.GlobalAvgPool2d(), nn.Linear(16, 12), nn.ReLU(), nn.Linear(12, 5))
    return model, np.random.default_rng(2).standard_normal((1, 20, 23, 3)).astype(np.float32)


@pytest.mark.parametrize("network", [codes_of_floats, an_image])
def test_bytes_have_the_same_bits_on_every_instruction_set_and_any_number_of_threads(network):
    (model, x), before = network(), (machine.isa(), machine.threads())
    found = []
    try:
        for isa in machine.available_isas():
            for threads in (1, 2):
                machine.set_isa(isa)
                kernels.set_num_threads(threads)
                found.append(mg.compile(model, x.shape, precision="int8", calibrate=x)(x))
    finally:
        machine.set_isa(before[0])
        kernels.set_num_threads(before[1])
    assert all(same_bits(found[0], y) for y in found)


class Bytes(nn.Module):
    """All kinds of calls on bytes; its first and its last product only move values, without rounding."""

    def __init__(self):
        mg.manual_seed(3)
        self.first, self.last = nn.Conv2d(8, 8, 1, relu=True), nn.Conv2d(12, 12, 1)
        for conv in (self.first, self.last):
            conv.weight.data[...] = np.eye(conv.weight.shape[2], dtype=np.float32)
            conv.bias.data[...] = 0
        self.a, self.b = nn.Conv2d(8, 12, 3, padding=1, relu=True), nn.Conv2d(8, 4, 1, relu=True)
        self.c = nn.Conv2d(16, 12, 3, stride=2, relu=True)

    def forward(self, x):
        x = self.first(x)
        x = ops.concat([self.a(x), ops.max_pool2d(self.b(x), 3, stride=1, padding=1)])
        return self.last(ops.avg_pool2d(self.c(x), 5))


def test_operations_without_a_kernel_for_bytes_run_between_conversions(images):
    class Mixed(nn.Module):
        def __init__(self):
            mg.manual_seed(1)
            self.a, self.b, self.c = nn.Conv2d(3, 8, 3, relu=True), nn.Conv2d(8, 8, 3, relu=True), nn.Conv2d(8, 8, 1)
            self.d, self.e = nn.Conv2d(8, 8, 3, relu=True), nn.Linear(8, 5)

        def forward(self, x):
            x = ops.lrn(self.b(self.a(x)), 5)
            x = ops.relu(self.c(x) + x)
            return self.e(ops.global_avg_pool2d(self.d(x)))

    model = Mixed()
    plan, exact = mg.compile(model, SHAPE, precision="int8", calibrate=images), mg.compile(model, SHAPE)
    x = np.ascontiguousarray(images[:1])
    assert np.abs(plan(x) - exact(x)).max() < 0.05 * np.abs(exact(x)).max()
    products = [step.algorithm for step in plan.steps if step.multiply_adds]
    assert products == ["int8", "int8", "direct", "int8", "bf16"], "a sum with another map stays in float32"


@pytest.mark.parametrize(("channels", "window"), [(1, (5, 5)), (2, (3, 2)), (3, (7, 7)), (4, (1, 3)), (3, (4, 4))])
@pytest.mark.parametrize(("stride", "padding"), [(1, 0), (2, 3), (3, 1)])
def test_a_first_convolution_in_bytes_is_near_that_in_floats(channels, window, stride, padding):
    """Whatever the words in a row of its windows, and whether they fit beside the map; of bytes minus a mean, as images are."""
    mg.manual_seed(7)
    rng, padding = np.random.default_rng(3), min(padding, *(k - 1 for k in window))
    x = (rng.integers(0, 256, (6, 13, 14, channels)) - 117.25).astype(np.float32) / 58
    conv = nn.Conv2d(channels, 8, window, stride, padding, relu=True)
    model = nn.Sequential(conv, nn.Conv2d(8, 6, 1))
    plan, exact = mg.compile(model, x.shape, precision="int8", calibrate=x), mg.compile(model, x.shape)
    assert [step.algorithm for step in plan.steps if step.multiply_adds] == ["int8", "direct"]
    assert 20 * np.log10(np.linalg.norm(exact(x)) / np.linalg.norm(plan(x) - exact(x))) > 34
    first = next(layer for layer in plan.compare(model, x).layers if layer.kind == "Conv2d+ReLU")
    assert first.decibels > 40, "the root mean square is an eighth of the largest value or more, the error of a code 1 / sqrt(12)"


def test_windows_of_an_image_are_those_that_the_convolution_reads():
    x = np.random.default_rng(1).standard_normal((2, 9, 8, 3)).astype(np.float32)
    w = np.random.default_rng(2).standard_normal((3, 4, 3, 5))
    conv = SimpleNamespace(kh=3, kw=4, stride_h=2, stride_w=1)
    y = calibration.windows(x, conv).reshape(-1, 36) @ w.reshape(36, 5)
    assert np.allclose(y, reference.conv2d(x.astype(np.float64), w, stride=(2, 1)).reshape(-1, 5))


def test_images_get_a_scale_and_a_code_of_0_for_each_channel():
    scales, zeros = calibration.image_codes(np.float32([-104, 0.5, -3, 0]), np.float32([151, 2.5, -1, 0]))
    assert scales == pytest.approx([1, 2.5 / 255, 3 / 255, 1]) and zeros == pytest.approx([104, 0, 255, 0])


def test_layers_of_vectors_compute_with_bytes_but_for_the_last():
    mg.manual_seed(8)
    x = np.random.default_rng(4).standard_normal((8, 9, 9, 3)).astype(np.float32)
    hidden = nn.Linear(16, 40), nn.ReLU(), nn.Linear(40, 12), nn.ReLU()
    model = nn.Sequential(nn.Conv2d(3, 16, 3, relu=True), nn.MaxPool2d(7), nn.Flatten(), *hidden, nn.Linear(12, 5))
    plan, exact = mg.compile(model, x.shape, precision="int8", calibrate=x), mg.compile(model, x.shape)
    assert [step.algorithm for step in plan.steps if step.multiply_adds] == ["int8", "int8", "int8", "bf16"]
    assert np.linalg.norm(plan(x) - exact(x)) < 0.05 * np.linalg.norm(exact(x))


def test_compare_measures_every_layer(googlenet, plan, images):
    found = plan.compare(googlenet, images)
    assert found.agreement == 1 and 0 < found.worst_error < 0.1 and 0 <= found.worst < 4
    assert all(20 < one.decibels < np.inf for one in found.layers) and found.layers[0].name == "conv1"
    assert "top-1 agreement 100.0%" in repr(found)


def test_wrong_arguments_are_named(googlenet, plan, images, tmp_path):
    with pytest.raises(ValueError, match="compile: `calibrate` is missing"):
        mg.compile(googlenet, SHAPE, precision="int8")
    with pytest.raises(ValueError, match=r"compile: `calibrate` has shape \(4, 64, 64, 3\), expected at least one image of \(32, 32, 3\)"):
        mg.compile(googlenet, (1, 32, 32, 3), precision="int8", calibrate=images)
    with pytest.raises(ValueError, match="compile: `calibrate` has NaN or infinite values"):
        mg.compile(googlenet, SHAPE, precision="int8", calibrate=np.full_like(images, np.nan))
    with pytest.raises(ValueError, match="compile: `calibrate` is given, but `precision` is 'float32'"):
        mg.compile(googlenet, SHAPE, calibrate=images)
    with pytest.raises(ValueError, match="compile: `precision` is 'int4', expected one of float32, bf16, int8, auto"):
        mg.compile(googlenet, SHAPE, precision="int4")
    x = images[:1].copy()
    x[0, 1, 2, 0] = np.nan
    with pytest.raises(ValueError, match="plan: `x` has 1 NaN, expected numbers"):
        plan(x)
    with pytest.raises(ValueError, match="plan.compare: the plan computes in float32"):
        mg.compile(googlenet, SHAPE).compare(googlenet, images)


def test_the_largest_value_is_the_largest_code_and_no_value_at_all_is_no_error():
    assert 255 * calibration.scale_of(9.0) == pytest.approx(9, rel=0.004) and calibration.scale_of(0.0) == 1


def test_the_bias_makes_up_for_what_rounding_weights_takes_from_a_layers_mean():
    """The mean of each channel of a layer, over the calibration images, with and without the correction."""
    rng = np.random.default_rng(5)
    w, x = rng.standard_normal((3, 3, 8, 6)).astype(np.float32), (np.abs(rng.standard_normal((40, 10, 10, 8))) + 1).astype(np.float32)
    codes, scales = quantize_weights(w)
    s = conv_shape("conv2d", x.shape, w.shape, 1, 0, 1, 1)
    exact, coarse = (reference.conv2d(x.astype(np.float64), v.astype(np.float64)).mean(axis=(0, 1, 2)) for v in (w, codes * scales))
    corrected = coarse + plan_int8.mean_error(w - codes * scales, x.mean(axis=(0, 1, 2)), s)
    assert np.abs(corrected - exact).max() < 0.1 * np.abs(coarse - exact).max()


def test_the_mean_error_of_a_group_is_that_of_its_own_inputs():
    lost, means = np.arange(8.0).reshape(1, 1, 2, 4), np.array([1.0, 10.0, 100.0, 1000.0])
    s = conv_shape("conv2d", (1, 1, 1, 4), (1, 1, 2, 4), 1, 0, 2, 1)
    assert plan_int8.mean_error(lost, means, s).tolist() == [40.0, 51.0, 6200.0, 7300.0]


def network_of(linear):
    """Two convolutions of bytes, then `linear` of their whole map."""
    mg.manual_seed(5)
    return nn.Sequential(nn.Conv2d(3, 8, 1, relu=True), nn.Conv2d(8, 8, 3, padding=1, relu=True), nn.Flatten(), linear, nn.Linear(4, 3))


def test_sums_that_may_not_fit_31_bits_stay_in_float32():
    """255 * 127 * 33,157 is more than 2^30, and a bias may have as much."""
    for side, algorithm in ((64, "int8"), (65, "direct")):
        x = np.random.default_rng(1).random((1, side, side, 3), np.float32)
        plan = mg.compile(network_of(nn.Linear(side * side * 8, 4, relu=True)), x.shape, precision="int8", calibrate=x)
        assert [step.algorithm for step in plan.steps if step.multiply_adds] == ["int8", "int8", algorithm, "bf16"]


def test_no_covariance_is_measured_that_no_product_uses(monkeypatch):
    """That of a map of c channels takes 8 c^2 bytes: 5 GB of the 25,088 before VGG's first Linear."""
    measured, add = [], calibration.Moments.add
    monkeypatch.setattr(calibration.Moments, "add", lambda self, values: (measured.append(values.shape), add(self, values)))
    x = np.random.default_rng(1).random((5, 20, 20, 3), np.float32)
    plan = mg.compile(network_of(nn.Linear(20 * 20 * 8, 4, relu=True)), (2, 20, 20, 3), precision="int8", calibrate=x)
    assert [step.algorithm for step in plan.steps if step.multiply_adds] == ["int8", "int8", "int8", "bf16"]
    window, padded = (400, 1, 1, 3), (1, 22, 22, 8)  # of each image
    assert measured == [window, window, padded, padded] * 2 + [window, padded], "not that of (1, 1, 1, 3200)"


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("layer, name, message", [
    (0, "weight", "with `calibrate`, '0' computes NaN or infinite values"), (1, "bias", "with `calibrate`, '1' computes NaN or infinite"),
    (3, "weight", "the weights of '3' have NaN or infinite values"),
])  # fmt: skip
def test_weights_that_are_no_numbers_are_named(bad, layer, name, message):
    model = network_of(nn.Linear(5 * 5 * 8, 4))
    getattr(model[layer], name).data[..., 1] = bad
    x = np.ones((1, 5, 5, 3), np.float32)
    with pytest.raises(ValueError, match=f"compile: {message}"):
        mg.compile(model, x.shape, precision="int8", calibrate=x)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("size", [0.0, 1e-45, 1e-42, 1e-38, 1e-36, 1e-34, 1e-30])
def test_images_that_are_too_small_for_a_scale_count_as_zeros(size):
    model = models.build("tiny", num_classes=3).eval()
    x = np.full((2, 8, 8, 1), size, np.float32)
    y, expected = mg.compile(model, x.shape, precision="int8", calibrate=x)(x), mg.compile(model, x.shape)(x)
    largest = np.abs(expected).max()
    np.testing.assert_allclose(y, expected, rtol=0, atol=0.05 * largest if size >= 1e-30 else largest)
