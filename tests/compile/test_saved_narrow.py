"""Plans of bytes and of bf16 in files: the same plan comes back, and no call that would touch other memory."""

import numpy as np
import pytest

import minigoog as mg
from minigoog.reading import DamagedFile
from tests.compile.narrow_networks import Narrow, images
from tests.kernels.judge import same_bits
from tests.test_saved_plan import changed, refused

SHAPE = (2, 32, 32, 3)


@pytest.fixture(scope="module", params=["int8", "bf16"])
def plan(request):
    return mg.compile(Narrow(), SHAPE, precision=request.param, calibrate=images())


@pytest.fixture
def path(plan, tmp_path):
    plan.save(tmp_path / "net.plan")
    return tmp_path / "net.plan"


def test_a_plan_comes_back_with_its_bits_and_its_table(plan, path):
    loaded, x = mg.load_plan(path), images(2, seed=5)
    assert same_bits(loaded(x), plan(x)) and repr(loaded) == repr(plan)
    assert loaded.recipe.precision == plan.recipe.precision and loaded.constant_bytes == plan.constant_bytes
    loaded.save(path)
    assert same_bits(mg.load_plan(path)(x), plan(x))


def test_what_a_file_does_not_hold_is_said(plan, path):
    loaded, model = mg.load_plan(path), Narrow()
    with pytest.raises(ValueError, match=r"plan.compare: the plan is from a file"):
        loaded.compare(model, images())
    for ask in (loaded.is_stale, loaded.refresh):
        with pytest.raises(ValueError, match="plan: a calibrated plan from a file has no calibration images"):
            ask(model)
    if plan.recipe.precision == "int8":
        with pytest.raises(ValueError, match="plan: `x` has 1 NaN"):
            loaded(np.where(np.arange(images(2).size).reshape(SHAPE) == 7, np.float32(np.nan), images(2)))


def test_a_plan_of_bf16_without_images_is_made_anew_from_a_file_too(tmp_path):
    mg.compile(Narrow(), SHAPE, precision="bf16").save(tmp_path / "net.plan")
    assert not mg.load_plan(tmp_path / "net.plan").is_stale(Narrow())


def test_a_plan_says_whether_it_is_stale_and_refreshes(plan):
    model, x = Narrow(), images(2, seed=6)
    ours = mg.compile(model, SHAPE, precision=plan.recipe.precision, calibrate=images())
    assert not ours.is_stale(model) and same_bits(ours(x), plan(x))
    model.a.weight.data[...] *= 2
    assert ours.is_stale(model)
    ours.refresh(model)
    assert not ours.is_stale(model) and not same_bits(ours(x), plan(x))


def each_call(plan):
    """(number, kernel) of the first call of each kernel on narrow maps."""
    found = {}
    for i, call in enumerate(plan.program.described()):
        if any(word in call["kernel"] for word in ("INT8", "BF16", "BYTES", "QUANTIZE")):
            found.setdefault(call["kernel"], i)
    return found


def test_the_network_has_every_call_on_narrow_maps(plan):
    products = {"int8": {"MG_INT8_CONV2D", "MG_INT8_MAX_POOL2D", "MG_INT8_AVG_POOL2D", "MG_PLACE_BYTES", "MG_QUANTIZE", "MG_DEQUANTIZE"},
                "bf16": {"MG_BF16_CONV2D", "MG_BF16_MAX_POOL2D", "MG_BF16_AVG_POOL2D", "MG_PLACE_BYTES", "MG_TO_BF16", "MG_FROM_BF16"}}
    assert set(each_call(plan)) >= products[plan.recipe.precision]


def test_every_call_that_would_read_or_write_past_its_memory_is_refused(plan, path):
    """Each number of each call made a little, and much, larger: what still loads computes within its arrays."""
    data, x, loaded = path.read_bytes(), images(2), []
    for i in each_call(plan).values():
        settings = plan.program.described()[i]["settings"]
        for at, number in enumerate(settings):
            if type(number) is int:
                for other in (number + 1, 1 << 30):
                    path.write_bytes(changed(data, set_to(i, at, other)))
                    loaded.append(runs_or_is_refused(path, x))
    assert 0 < sum(loaded) < len(loaded) / 2, "there are fields that a kernel does not read"


def set_to(call, at, number):
    def change(header):
        header["versions"][0]["calls"][call]["settings"][at] = number

    return change


def runs_or_is_refused(path, x):
    try:
        plan = mg.load_plan(path)
    except DamagedFile:
        return False
    if plan.arena_bytes < 1 << 24:
        plan(x)
    return True


def test_operands_outside_of_their_areas_are_refused(plan, path):
    data = path.read_bytes()
    for i in each_call(plan).values():
        for operand, (area, *_) in enumerate(plan.program.described()[i]["operands"]):
            if area:
                path.write_bytes(changed(data, far_away(i, operand)))
                refused(path, f"call {i}")


def far_away(call, operand):
    def change(header):
        header["versions"][0]["calls"][call]["operands"][operand][1] = 1 << 40

    return change


@pytest.mark.parametrize(("kernel", "at", "number", "why"), [
    ("MG_QUANTIZE", 5, 256, "zero is 256"), ("MG_INT8_CONV2D", 17, -1.0, "codes from -1.0"), ("MG_INT8_CONV2D", 18, 300.0, "to 300.0"),
    ("MG_PLACE_BYTES", 5, -1, "not inside its canvas"), ("MG_PLACE_BYTES", 7, 2, "not inside its canvas"),
])  # fmt: skip
def test_settings_that_a_kernel_is_not_made_for_are_refused(plan, path, kernel, at, number, why):
    calls = each_call(plan)
    if kernel in calls:
        path.write_bytes(changed(path.read_bytes(), set_to(calls[kernel], at, number)))
        refused(path, why)


def test_settings_of_another_kernel_are_refused(plan, path):
    def other(header):
        header["versions"][0]["calls"][0]["settings"].append(1)

    path.write_bytes(changed(path.read_bytes(), other))
    refused(path, "settings and 5 operands")
    path.write_bytes(changed(path.read_bytes(), lambda header: header.update(precision="int4")))
    refused(path, "")
