"""Plans in files: the same plan comes back, and nothing else does."""

import json
import os
import struct
import sys
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import minigoog as mg
from minigoog import nn, ops
from minigoog.compile import saved
from minigoog.reading import DamagedFile
from tests.plans import eager, random
from tests.test_by_image import Mixed

pytestmark = pytest.mark.skipif(mg.kernels.native is None, reason="the C kernels were not built: there is nothing to compile to")


class Compiled(Mixed):
    """Nothing of it runs in NumPy."""

    def forward(self, x):
        y = ops.max_pool2d(ops.silu(self.stem(x)), 2)
        z = ops.hard_swish(self.narrow(self.wide(ops.relu(self.deep(y)))) + y)
        z = z * ops.sigmoid(self.gate(ops.reshape(ops.global_avg_pool2d(z), (len(x), 1, 1, 16))))
        z = ops.concat([ops.channel_shuffle(z, 4), ops.tanh(y)])[..., 4:28]
        return self.last(ops.reshape(ops.global_avg_pool2d(ops.avg_pool2d(z, 3)), (len(x), 24)))


class Everything(Compiled):
    """Besides: strips, a softmax, a pruned layer, a sum of its own, and several outputs, one of them a slice."""

    def __init__(self):
        super().__init__()
        self.expand, self.deep2, self.pruned = nn.Conv2d(5, 32, 1), nn.Conv2d(32, 32, 3, padding=1, groups=32), nn.Conv2d(32, 16, 3)
        self.pruned.weight.data *= random(self.pruned.weight.shape) > 1.5

    def forward(self, x):
        y = ops.relu(self.deep2(ops.relu(self.expand(x))))
        y = self.pruned(ops.max_pool2d(y, 2))
        total = ops.tanh(y) + ops.sigmoid(y)
        return ops.softmax(super().forward(x)), ops.reshape(ops.global_avg_pool2d(y), (len(x), 16)), total, total[..., 3:7]


@pytest.fixture
def small_cache(monkeypatch):
    native = mg.kernels.native
    for module, name, value in ((native.by_image, "LARGE", 0), (native.strips, "LARGE", 0), (native.strips, "IN_CACHE", 1 << 12)):
        monkeypatch.setattr(module, name, value)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "net.plan"


def same(a, b):
    return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


@pytest.mark.parametrize("n", [1, 4])
def test_a_plan_comes_back_with_its_bits_its_table_and_its_groups(isa, small_cache, threads, path, n):
    threads(2)
    model, x = Everything(), random((n, 64, 66, 5))
    plan = mg.compile(model, x.shape)
    plan.save(path)
    again = mg.load_plan(path)
    used = {step.kernel for step in plan.steps}
    assert len(used) >= (13 if n > 1 else 12) and any(step.strip for step in plan.steps)
    assert n == 1 or any(step.images > 1 for step in plan.steps)
    assert same(plan(x), again(x)) and repr(again) == repr(plan) and again.arena_bytes == plan.arena_bytes
    assert again.program.described() == plan.program.described() and not again.is_stale(model)
    assert not again.program.constants.flags.writeable  # mapped
    again.save(path)
    assert same(mg.load_plan(path)(x), plan(x))


def test_the_names_of_outputs_come_back(path):
    model, x = mg.models.GoogLeNet(num_classes=7, aux_heads=True), random((1, 96, 96, 3))
    plan = mg.compile(model.eval(), x.shape)
    plan.save(path)
    again = mg.load_plan(path)
    assert getattr(again(x), "_fields", None) == getattr(plan(x), "_fields", None)


def test_several_shapes_share_what_is_alike_and_each_has_the_bits_of_a_plan_of_its_own(path):
    model, shapes = Compiled(), [(1, 40, 44, 5), (3, 40, 44, 5), (1, 20, 24, 5)]
    plan, alone = mg.compile(model, shapes), [mg.compile(model, shape) for shape in shapes]
    plan.save(path)
    for found in (plan, mg.load_plan(path)):
        assert found.input_shapes == shapes and all(np.array_equal(found(x), one(x)) for one in alone for x in [random(one.input_shape)])
    assert plan.constant_bytes < 0.7 * sum(one.constant_bytes for one in alone)
    with pytest.raises(ValueError, match=r"plan: `x` has shape \(2, 40, 44, 5\), expected one of \(1, 40, 44, 5\), \(3"):
        plan(random((2, 40, 44, 5)))
    with pytest.raises(ValueError, match="compile: `input_shape` is .* expected every shape once"):
        mg.compile(model, [(1, 8, 8, 5), (1, 8, 8, 5)])


def test_a_loaded_plan_is_called_by_several_threads_at_once(path):
    model, xs = mg.models.TinyInception(), [random((2, 8, 8, 1), seed) for seed in range(20)]
    mg.compile(model, xs[0].shape).save(path)
    plan = mg.load_plan(path)
    with ThreadPoolExecutor(4) as pool:
        assert all(np.array_equal(y, eager(model, x)) for x, y in zip(xs, pool.map(plan, xs), strict=True))


# ---- the model's later weights ----


@pytest.mark.parametrize("parts", ["conv", "norm", "numpy", "zeros"])
def test_a_plan_says_whether_it_is_stale_and_refreshes(parts):
    class Net(nn.Module):
        def __init__(self):
            self.block, self.last = nn.ConvBNReLU(4, 16, 3), nn.Conv2d(16, 8, 1)

        def forward(self, x):
            return self.last(ops.transpose(self.block(x), (0, 2, 1, 3)))

    model, x = Net(), random((1, 12, 12, 4))
    plan = mg.compile(model, x.shape)
    before = plan(x)
    assert not plan.is_stale(model)
    if parts == "conv":
        model.block.conv.weight.data[0, 0, 0, 0] += 1
    elif parts == "norm":
        model.block.norm.running_mean.data[3] += 1
    elif parts == "numpy":
        model.last.bias.data[2] -= 1
    else:
        model.block.conv.weight.data[np.abs(model.block.conv.weight.data) < np.quantile(np.abs(model.block.conv.weight.data), 0.95)] = 0
    assert plan.is_stale(model) and np.array_equal(plan(x), before)
    plan.refresh(model)
    assert not plan.is_stale(model) and np.array_equal(plan(x), mg.compile(model, x.shape)(x)) and not np.array_equal(plan(x), before)


def test_a_refreshed_plan_keeps_what_was_tried(path, monkeypatch):
    model, shape = nn.Conv2d(64, 64, 1), (1, 40, 40, 64)
    model.weight.data *= random(model.weight.shape) > 1.7
    plan = mg.compile(model, shape, tune=True)
    choices = plan.versions[0].choices
    assert len(choices) == 1
    plan.save(path)
    again = mg.load_plan(path)
    monkeypatch.setattr(sys.modules["minigoog.compile.sparse"], "_tried", None)  # another trial would fail
    again.refresh(model)
    assert [tuple(choice) for choice in again.versions[0].choices] == choices and not again.is_stale(model)


def test_another_models_results_are_refused():
    plan = mg.compile(nn.Conv2d(3, 4, 1), (1, 8, 8, 3))
    with pytest.raises(ValueError, match=r"plan.refresh: `model` returns Array of shapes \[\(1, 8, 8, 5\)\], expected Array of .*8, 4"):
        plan.refresh(nn.Conv2d(3, 5, 1))
    with pytest.raises(TypeError, match="plan: `model` is int, expected a Module"):
        plan.is_stale(3)


def test_dense_plans_multiply_zeros():
    model = nn.Conv2d(64, 64, 1)
    model.weight.data *= random(model.weight.shape) > 1.7
    kinds = [mg.compile(model, (8, 28, 28, 64), sparse=sparse).steps[-1].algorithm for sparse in (True, False)]
    assert kinds[0].startswith("CSR") and kinds[1] == "direct"


# ---- files that are no plans, or damaged ----


def written(path):
    plan = mg.compile(mg.models.TinyInception(), (1, 8, 8, 1))
    plan.save(path)
    return path.read_bytes()


def refused(path, why):
    with pytest.raises(DamagedFile) as caught:
        mg.load_plan(path)
    assert str(path) in str(caught.value) and why in str(caught.value) and "\n" not in str(caught.value)


def test_a_file_with_any_byte_changed_or_missing_is_refused(path):
    data = written(path)
    header = len(saved.MAGIC) + saved.LINE + int(data[len(saved.MAGIC) :].split()[0])
    meant = [*range(0, header, max(header // 40, 1)), *range(saved.PAGE * -(-header // saved.PAGE), len(data), len(data) // 40)]
    for at in meant:
        if data[at : at + 1] not in b" \n":
            path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
            refused(path, "")
    for length in (0, 1, 20, 64, 500, saved.PAGE, len(data) - 1, len(data) + 1):
        path.write_bytes((data + b"\0")[:length])
        refused(path, "")


def changed(data, change):
    """The file with `change` made to its header, and a checksum that fits."""
    length = int(data[len(saved.MAGIC) :].split()[0])
    start = len(saved.MAGIC) + saved.LINE
    header = json.loads(data[start : start + length])
    change(header)
    return saved.enveloped(json.dumps(header).encode()) + data[-(-(start + length) // saved.PAGE) * saved.PAGE :]


CHANGES = {
    "the kernels use": lambda h: h.update(isa="neon" if h["isa"] != "neon" else "plain"),
    "it has format 7": lambda h: h.update(format=7),
    "no kernel": lambda h: h["versions"][0]["calls"][0].update(kernel="MG_EVIL"),
    "MG_INT8_CONV2D with": lambda h: h["versions"][0]["calls"][0].update(kernel="MG_INT8_CONV2D"),
    "of an area of": lambda h: h["versions"][0]["calls"][1]["operands"][1].__setitem__(1, 1 << 30),
    "a call that writes": lambda h: h["versions"][0]["calls"][0]["operands"].__setitem__(3, [1, 0, 0]),
    "windows of": lambda h: h["versions"][0]["calls"][1]["settings"].__setitem__(1, 5000),
    "integer of at least": lambda h: h["versions"][0]["calls"][0].update(work=-1),
    "images": lambda h: h["versions"][0]["calls"][0]["order"].__setitem__(0, 3),
    "a strip of 9": lambda h: h["versions"][0]["calls"][0]["order"].__setitem__(1, 9),
    "outputs": lambda h: h["versions"][0].update(outputs=[]),
    "no 'versions'": lambda h: h.pop("versions"),
    "none of compile's": lambda h: h.update(tune=3),
    "printed": lambda h: h["versions"][0]["calls"][0].update(labels=["\x1b[2J", "", "", ""]),
}


@pytest.mark.parametrize("why", CHANGES)
def test_a_description_that_would_touch_other_memory_is_refused(path, why):
    path.write_bytes(changed(written(path), CHANGES[why]))
    refused(path, why)


def test_a_7x7_convolution_that_would_read_past_its_canvas_is_refused(path):
    plan, x = mg.compile(nn.Conv2d(3, 16, 7, stride=2, padding=3), (1, 31, 33, 3)), random((1, 31, 33, 3))
    assert plan.steps[-1].algorithm == "winograd"
    plan.save(path)
    assert same(mg.load_plan(path)(x), plan(x))
    data, loaded = path.read_bytes(), []
    for at, number in enumerate(plan.program.described()[1]["settings"]):
        for other in (number + 1, 1 << 30):
            path.write_bytes(changed(data, lambda h, at=at, other=other: h["versions"][0]["calls"][1]["settings"].__setitem__(at, other)))
            try:
                loaded.append(mg.load_plan(path))
            except DamagedFile:
                continue
            loaded[-1](x)
    assert len(loaded) < 16, "settings that it does not read, and larger canvases"


def test_sparse_weights_whose_offsets_leave_the_map_are_refused(path):
    model = nn.Conv2d(64, 64, 1)
    model.weight.data *= random(model.weight.shape) > 1.7
    plan = mg.compile(model, (8, 28, 28, 64))
    assert plan.steps[-1].algorithm.startswith("CSR")
    plan.save(path)
    data = path.read_bytes()
    n = 4 * plan.program.constants.size
    offset = len(data) - n + 4 * plan.program.c_calls[len(plan.steps) - 1].w.offset
    for at, number in ((offset, 1), (offset + 4, -5), (offset + 4 * 65, 1 << 28), (offset + 4 * 64, 1 << 28)):
        evil = data[:at] + struct.pack("<i", number) + data[at + 4 :]
        sums = saved._checksum(np.frombuffer(evil[-n:], np.uint8))
        path.write_bytes(changed(evil, lambda h, sums=sums: h.update(checksum=sums)))
        refused(path, "call")


def test_a_file_of_another_kind_is_named(path):
    path.write_bytes(b"PK\3\4" + bytes(200))
    refused(path, "it is a zip archive")
    os.unlink(path)
    with pytest.raises(FileNotFoundError):
        mg.load_plan(path)
    with pytest.raises(DamagedFile, match="a plan"):
        written(path)
        mg.load(path)


def test_a_step_in_python_cannot_be_saved(path):
    class InNumPy(nn.Module):
        def forward(self, x):
            return ops.transpose(x, (0, 2, 1, 3))

    with pytest.raises(ValueError, match=r"plan.save: the step Transpose runs in Python \(Transpose\), which a file cannot hold"):
        mg.compile(InNumPy(), (1, 4, 4, 2)).save(path)
    assert not path.exists()


def test_the_layout_of_packed_weights_has_not_changed(native):
    """If this fails, packed weights of earlier files mean something else: raise FORMAT in compile/saved.py, and then these numbers."""
    rng, sums = np.random.default_rng(0), {}
    model = nn.Sequential(nn.Conv2d(5, 40, 1), nn.Conv2d(40, 24, 3, padding=1), nn.Conv2d(24, 24, 3, groups=24))
    for parameter in model.parameters():
        parameter.data[...] = rng.integers(-8, 8, parameter.shape)
    for isa in ("avx2", "plain"):
        if isa in native.machine.available_isas():
            before = native.machine.isa()
            native.machine.set_isa(isa)
            try:
                sums[isa] = zlib.crc32(mg.compile(model, (1, 40, 40, 5)).program.constants.tobytes())
            finally:
                native.machine.set_isa(before)
    assert saved.FORMAT == 4 and sums.items() <= {"avx2": 2124363775, "plain": 825359527}.items()
