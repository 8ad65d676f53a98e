"""Plans of bf16: which maps are bf16, how far they are from float32, NaN and infinity, the same bits everywhere, what they print."""

import numpy as np
import pytest

import minigoog as mg
from minigoog import kernels, nn
from minigoog.kernels.native import machine
from minigoog.kernels.reference import bf16 as reference
from minigoog.kernels.reference.bf16_rounding import to_bf16_for_images, to_bf16_in_balance
from minigoog.kernels.reference.bf16_winograd import bf16_conv2d_winograd
from minigoog.models import GoogLeNet
from tests.compile.narrow_networks import Narrow, images
from tests.compile.test_saved_narrow import runs_or_is_refused, set_to
from tests.kernels.judge import same_bits
from tests.test_saved_plan import changed

SHAPE = (1, 64, 64, 3)


@pytest.fixture(scope="module")
def googlenet():
    mg.manual_seed(0)
    return GoogLeNet(10, aux_heads=False)


@pytest.fixture(scope="module")
def plan(googlenet):
    return mg.compile(googlenet, SHAPE, precision="bf16")


def test_all_products_but_the_last_are_of_bf16(plan):
    products = [step for step in plan.steps if step.multiply_adds]
    assert products[-1].algorithm == "direct" and {step.algorithm for step in products[:-1]} == {"bf16", "bf16 winograd"}
    by_winograd = [step.name for step in products if step.algorithm == "bf16 winograd"]
    threes = [name for name, p in GoogLeNet(10, aux_heads=False).named_parameters() if p.shape[:2] == (3, 3)]
    larger = [name.removesuffix(".weight") for name in threes if not name.startswith(("inception4", "inception5"))]
    assert by_winograd == larger, "maps of 4x4 and 2x2 are too small"
    assert [step.kind for step in plan.steps if step.kind.startswith("to ")] == ["to bf16"]


def test_a_plan_of_bf16_is_near_the_plan_of_floats_and_has_two_bytes_for_a_weight(googlenet, plan):
    exact = mg.compile(googlenet, SHAPE, algorithm="direct")
    for x in images(4, 64):
        y, expected = plan(x[None].copy()), exact(x[None].copy())
        assert np.linalg.norm(y - expected) < 0.01 * np.linalg.norm(expected)
    by_winograd = {step.name + ".weight" for step in plan.steps if step.algorithm == "bf16 winograd"}
    weights = {name: p.data.size for name, p in googlenet.named_parameters() if p.data.ndim == 4}
    expected = sum(2 * size * (16 / 9 if name in by_winograd else 1) for name, size in weights.items()) + 4 * 1024 * 10
    assert expected < plan.constant_bytes < 1.05 * expected, "the last panel of a layer may have room"


def moving(channels):
    """A layer that moves values."""
    conv = nn.Conv2d(channels, channels, 1)
    conv.weight.data[...], conv.bias.data[...] = np.eye(channels, dtype=np.float32), 0
    return conv


def test_a_layer_has_the_bits_of_the_reference():
    """Between a first layer that moves values, exact in bf16, and a last one that moves its sums, in float32."""
    model = nn.Sequential(moving(8), nn.Conv2d(8, 12, 3, padding=1, relu=True), moving(12))
    x = reference.to_bf16(images(1, 9, 8))
    y = mg.compile(model, x.shape, precision="bf16")(reference.from_bf16(x))
    w, b = to_bf16_in_balance(model[1].weight.data), model[1].bias.data
    assert same_bits(y, reference.bf16_conv2d(x, w, b, padding=1, limits=(0.0, np.inf), to_float=True))


def test_a_layer_by_winograd_has_the_bits_of_its_reference_in_a_file_too(tmp_path):
    """Behind it one layer more that moves values, so that its map is bf16."""
    model = nn.Sequential(moving(16), nn.Conv2d(16, 20, 3, padding=1, relu=True), moving(20), moving(20))
    x = reference.to_bf16(images(2, 9, 16))
    plan = mg.compile(model, x.shape, precision="bf16")
    assert [step.algorithm for step in plan.steps if step.multiply_adds] == ["direct", "bf16 winograd", "bf16", "direct"]
    expected = reference.from_bf16(bf16_conv2d_winograd(x, model[1].weight.data, model[1].bias.data, padding=1, limits=(0.0, np.inf)))
    assert same_bits(plan(reference.from_bf16(x)), expected)
    path = tmp_path / "net.plan"
    plan.save(path)
    assert same_bits(mg.load_plan(path)(reference.from_bf16(x)), expected)
    assert_checked(plan, path, "MG_BF16_WINOGRAD", reference.from_bf16(x))


def assert_checked(plan, path, kernel, x):
    """A file whose call of this kernel has other numbers is refused, or computes within its arrays."""
    data, loaded = path.read_bytes(), []
    call = next(i for i, call in enumerate(plan.program.described()) if call["kernel"] == kernel)
    for at, number in enumerate(plan.program.described()[call]["settings"]):
        if type(number) is int:
            for other in (number + 1, 1 << 30):
                path.write_bytes(changed(data, set_to(call, at, other)))
                loaded.append(runs_or_is_refused(path, x))
    assert sum(loaded) < len(loaded) / 2, "there are fields that the kernel does not read"


@pytest.mark.parametrize(("kernel", "size"), [(7, 28), (5, 24), (3, 16)])
def test_the_layer_that_reads_an_image_takes_two_pixels_as_one(kernel, size):
    """Images whose pixels have 3 channels: the bits of a convolution over 6, with weights of 0 beside the last column."""
    first, pad = nn.Conv2d(3, 8, kernel, stride=2, padding=kernel // 2, relu=True), (kernel // 2, kernel // 2)
    x = images(2, size)
    plan = mg.compile(nn.Sequential(first, moving(8), moving(8)), x.shape, precision="bf16")
    w = np.pad(to_bf16_for_images(first.weight.data), ((0, 0), (0, 1), (0, 0), (0, 0))).reshape(kernel, -1, 6, 8)
    canvas = np.pad(reference.to_bf16(x), ((0, 0), pad, pad, (0, 0)))
    pairs = canvas.reshape(2, canvas.shape[1], -1, 6)
    expected = reference.bf16_conv2d(pairs, w, first.bias.data, stride=(2, 1), limits=(0.0, np.inf))
    assert [step.algorithm for step in plan.steps if step.multiply_adds] == ["bf16", "bf16", "direct"]
    assert same_bits(plan(x), reference.from_bf16(expected))


@pytest.mark.parametrize("settings", [{"stride": 1}, {"stride": 2, "dilation": 2}, {"stride": 2, "kernel_size": 4}, {"stride": 3}], ids=str)
def test_other_layers_that_read_an_image_stay_in_float32(settings):
    first = nn.Conv2d(3, 8, **{"kernel_size": 3, "padding": 1} | settings)
    plan = mg.compile(nn.Sequential(first, moving(8), moving(8)), (1, 15, 15, 3), precision="bf16")
    assert [step.algorithm for step in plan.steps if step.multiply_adds] == ["direct", "bf16", "direct"]


def test_plans_of_bf16_have_the_same_bits_on_every_instruction_set_and_any_number_of_threads():
    """Behind the first layer, which is exact here."""
    found = written_everywhere()
    assert all(same_bits(found[0], y) for y in found)


def written_everywhere(calibrated=False):
    """What the last step of bf16 writes on every instruction set, with one and two threads, behind a first layer that is exact."""
    model, before = Narrow(), (machine.isa(), machine.threads())
    model.first.weight.data[...] = np.rint(model.first.weight.data * 8)
    x, found = np.rint(images(2, 20) * 4), []
    try:
        for isa in machine.available_isas():
            for threads in (1, 2):
                machine.set_isa(isa)
                kernels.set_num_threads(threads)
                plan = mg.compile(model, x.shape, precision="bf16", calibrate=x if calibrated else None)
                last = [i for i, step in enumerate(plan.steps) if step.algorithm == "bf16"][-1]
                found.append(written(plan, x, last))
    finally:
        machine.set_isa(before[0])
        kernels.set_num_threads(before[1])
    return found


def written(plan, x, step):
    """What a step of a plan writes."""
    seen = {}

    def watch(i, areas):
        if i == step:
            seen[i] = kernels.native.plan_bf16.values(areas, plan.program.calls[i].y, "bf16")

    plan.program.run(x, [np.empty(shape, np.float32) for shape in plan.output_shapes], watch=watch)
    return seen[step]


def test_nan_and_infinity_come_through(googlenet, plan):
    for bad in (np.nan, np.inf):
        x = images(1, 64)
        x[0, 30, 30] = bad
        assert np.isnan(plan(x)).any() == np.isnan(mg.compile(googlenet, SHAPE)(x)).any()


def test_several_batches_share_packed_weights():
    model = Narrow()
    one, both = (mg.compile(model, shape, precision="bf16") for shape in ((1, 32, 32, 3), [(1, 32, 32, 3), (4, 32, 32, 3)]))
    assert both.constant_bytes == one.constant_bytes
    x = images()
    assert same_bits(both(x), np.concatenate([both(image[None].copy()) for image in x]))


def test_the_plan_prints_formats_and_errors_and_why_it_is_slow(googlenet, monkeypatch):
    monkeypatch.setattr(kernels.native.bf16, "has_dot", lambda m: False)
    text = repr(mg.compile(Narrow(), (1, 32, 32, 3), precision="bf16", calibrate=images()))
    assert "bf16, 5" in text and " dB" in text and "float32" in text
    assert text.splitlines()[-1].startswith("bf16: this CPU has no instruction for products of bf16")
    monkeypatch.setattr(kernels.native.bf16, "has_dot", lambda m: True)
    assert "no instruction" not in repr(mg.compile(Narrow(), (1, 32, 32, 3), precision="bf16"))


def test_compare_measures_every_layer(googlenet, plan):
    found = plan.compare(googlenet, images(4, 64))
    assert found.agreement == 1 and 0 < found.worst_error < 0.01
    assert all(one.decibels > 40 for one in found.layers) and {one.format for one in found.layers} == {"bf16", "float32"}
