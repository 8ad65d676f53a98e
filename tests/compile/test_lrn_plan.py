"""Local response normalisation in plans: the bits of the operation, in C, in a file, and between narrow maps."""

import numpy as np
import pytest

import minigoog as mg
from minigoog import nn, ops
from minigoog.reading import DamagedFile
from tests.compile.narrow_networks import images
from tests.compile.test_saved_narrow import set_to
from tests.kernels.judge import same_bits
from tests.plans import assert_same, random
from tests.test_saved_plan import changed, refused

SHAPE = (2, 24, 24, 3)


class Normalised(nn.Module):
    """After a convolution whose map the next one reads, in a concatenation, and at the end."""

    def __init__(self):
        mg.manual_seed(4)
        self.a, self.b = nn.Conv2d(3, 16, 3, padding=1, relu=True), nn.Conv2d(16, 24, 3, relu=True)
        self.c, self.d = nn.Conv2d(16, 8, 3, relu=True), nn.Linear(32, 5)

    def forward(self, x):
        x = ops.lrn(self.a(x), 5, 0.3)
        return self.d(ops.global_avg_pool2d(ops.concat([self.b(x), ops.lrn(self.c(x), 3, 2.0, k=1.5)])))


class Alone(nn.Module):
    def __init__(self, *settings):
        self.settings = settings

    def forward(self, x):
        return ops.lrn(x, *self.settings)


@pytest.mark.parametrize("c", [1, 4, 7, 64, 259, 600])
@pytest.mark.parametrize("settings", [(1, 0.5), (3, 2.0), (5, 1e-4), (7, 0.001), (15, 0.7, 0.75, 2.0), (31, 1e30)], ids=str)
def test_c_has_the_bits_of_the_operation(isa, threads, c, settings):
    threads(1 + c % 2)
    x = 10 * random((1, 5, 3, c))
    x[0, 2, 1, c // 2] = 1e30
    plan = assert_same(Alone(*settings), x)
    assert plan.steps[0].algorithm == ""


def test_nan_and_infinity_reach_the_channels_around_them(isa):
    x = random((1, 1, 2, 40))
    x[0, 0, 0, 9], x[0, 0, 0, 30] = np.nan, np.inf
    y = mg.compile(Alone(5, 1.0), x.shape)(x)
    assert np.array_equal(np.flatnonzero(np.isnan(y[0, 0, 0])), [7, 8, 9, 10, 11, 30]) and not np.isnan(y[0, 0, 1]).any()
    assert not y[0, 0, 0, [28, 29, 31, 32]].any()


@pytest.mark.parametrize("settings", [(5, 1.0, 0.5), (33, 1.0)])
def test_other_powers_and_wider_windows_are_numpy_s(settings):
    plan = assert_same(Alone(*settings), random((1, 3, 3, 40)))
    assert [step.algorithm for step in plan.steps[:1]] == ["NumPy"]


@pytest.mark.parametrize("precision", ["float32", "bf16", "int8"])
def test_a_plan_with_it_comes_back_from_a_file_and_bad_windows_do_not(precision, tmp_path):
    more = {"precision": precision} | ({"calibrate": images(size=24)} if precision == "int8" else {})
    plan, x, path = mg.compile(Normalised(), SHAPE, **more), images(2, 24), tmp_path / "net.plan"
    plan.save(path)
    loaded, data = mg.load_plan(path), path.read_bytes()
    assert same_bits(loaded(x), plan(x)) and repr(loaded) == repr(plan)
    call = next(i for i, one in enumerate(plan.program.described()) if one["kernel"] == "MG_LRN")
    bad = ((3, 4, "a window of 4 channels"), (3, 33, "a window of 33"), (1, 1 << 20, "floats apart"), (4, 1, "floats apart"))
    for at, number, why in bad:
        path.write_bytes(changed(data, set_to(call, at, number)))
        refused(path, why)


def test_between_narrow_maps_it_computes_in_float32_and_its_map_stays_narrow():
    exact = mg.compile(Normalised(), SHAPE)
    for precision, decibels in (("bf16", 40), ("int8", 20)):
        plan = mg.compile(Normalised(), SHAPE, precision=precision, calibrate=images(size=24))
        assert {layer.format for layer in plan.compare(Normalised(), images(size=24)).layers} > {"float32"}
        y, expected = plan(images(2, 24)), exact(images(2, 24))
        assert 20 * np.log10(np.linalg.norm(expected) / np.linalg.norm(y - expected)) > decibels
        products = [step.algorithm.split()[0] for step in plan.steps if step.multiply_adds]
        assert products == {"int8": ["int8", "int8", "int8", "bf16"], "bf16": ["direct", "bf16", "bf16", "direct"]}[precision]


class Behind(nn.Module):
    """A 1x1 layer behind normalisation and a pool that is written beside what it reads, then one of kernel x kernel, and the last."""

    def __init__(self, kernel):
        mg.manual_seed(5)
        self.a, self.b = nn.Conv2d(3, 16, 3, padding=1, relu=True), nn.Conv2d(32, 8, 1, relu=True)
        self.c, self.d = nn.Conv2d(8, 64, kernel), nn.Linear(64, 5)

    def forward(self, x):
        x = ops.lrn(self.a(x), 5, 0.3)
        x = ops.concat([x, ops.max_pool2d(x, 3, stride=1, padding=1)])
        return self.d(ops.global_avg_pool2d(self.c(self.b(x))))


@pytest.mark.parametrize(("kernel", "algorithm"), [(5, "direct"), (1, "bf16")])
def test_in_a_bf16_plan_a_layer_with_little_work_behind_it_reads_its_values_as_they_are(kernel, algorithm):
    """3% of the multiply-adds, and 21%."""
    model, x = Behind(kernel), images(2, 24)
    plan = mg.compile(model, SHAPE, precision="bf16")
    assert [step.algorithm for step in plan.steps if step.multiply_adds] == ["direct", algorithm, "bf16", "direct"]
    behind = next(layer for layer in plan.compare(model, x).layers if layer.name == "b")
    assert (behind.decibels == np.inf) == (algorithm == "direct")


def test_images_of_a_batch_pass_through_it_one_by_one(monkeypatch):
    monkeypatch.setattr(mg.kernels.native.by_image, "LARGE", 0)
    plan = assert_same(nn.Sequential(nn.ReLU(), Alone(5, 1.0), nn.ReLU()), random((4, 6, 5, 9)))
    assert all(step.images == 4 for step in plan.steps)


def test_a_power_that_a_file_cannot_hold_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"plan.save: the step LRN runs in Python \(LRN\)"):
        mg.compile(Alone(5, 1.0, 0.5), (1, 4, 4, 8)).save(tmp_path / "net.plan")
    with pytest.raises((DamagedFile, FileNotFoundError)):
        mg.load_plan(tmp_path / "net.plan")
