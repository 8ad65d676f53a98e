"""The trace of one image: the same numbers as without it, every operation named, counted and found again."""

import gc
import weakref

import numpy as np
import pytest

import minigoog as mg
from minigoog import Tensor, nn, ops
from minigoog.inspection.trace.receptive_field import receptive_fields
from tests.strategies import numbers

SHAPES = {"tiny": (8, 8, 1), "lenet5": (32, 32, 1), "nin": (32, 32, 3), "googlenet": (47, 47, 3)}
SETTINGS = {"googlenet": {"num_classes": 5, "aux_heads": False}}


def small_model(name):
    return mg.models.build(name, **SETTINGS.get(name, {}))


def loss_of(model, image, label):
    return mg.losses.googlenet_loss(model(Tensor(image[None])), np.array([label]))


@pytest.mark.parametrize("name", SHAPES)
def test_a_trace_has_the_numbers_of_the_plain_run_forward_and_backward(name):
    model, image = small_model(name).eval(), numbers(0, SHAPES[name])
    steps = mg.trace(model, image, 3)
    loss = loss_of(model, image, 3)
    plain = [op.y.copy() for op in loss.tape()]
    assert all(np.array_equal(step.output, y) for step, y in zip(steps.forward, plain, strict=True))
    loss.backward()
    gradients = {id(p): p.grad for p in model.parameters()}
    traced = {}
    for step in steps.backward:
        for x, dx in zip(step.op.inputs, step.dxs, strict=True):
            if id(x) in gradients:
                traced[id(x)] = traced.get(id(x), 0) + dx
    assert traced.keys() == gradients.keys()
    assert all(np.array_equal(traced[key], gradients[key]) for key in gradients)


@pytest.mark.parametrize("name", [*SHAPES, "alexnet"])
def test_every_layer_of_the_summary_is_a_step_with_its_parameters_and_work(name):
    model = (small_model(name) if name != "alexnet" else mg.models.AlexNet(num_classes=3, init=lambda s: np.zeros(s, np.float32))).eval()
    shape = SHAPES.get(name, (227, 227, 3))
    steps, rows = mg.trace(model, np.zeros(shape)), mg.summary(model, shape).rows
    for row in rows:
        if row.kind == "Dropout":  # nothing runs in evaluation
            continue
        found = steps[row.name]
        own = [step for step in found if step.name.removeprefix(row.name).count(".") <= 1]
        assert own[-1].output_shape == row.out_shape and own[0].input_shapes[0] in (row.in_shape, (5, 5, 60), (6,), (16,)), row.name
        if name != "lenet5":  # there modules have several operations, and a sparse convolution runs as a dense one
            (step,) = found
            assert (step.parameters, step.multiply_adds) == (row.parameters, row.multiply_adds)
    assert sum(step.parameters for step in steps) == sum(p.size for p in model.parameters())


@pytest.fixture(scope="module")
def googlenet_steps():
    """GoogLeNet with its heads, in training."""
    mg.manual_seed(0)
    return mg.trace(mg.models.GoogLeNet(num_classes=4), numbers(0, (224, 224, 3)), 2)


def test_steps_of_googlenet_are_named_as_its_parameters_are(googlenet_steps):
    parts = "branch1x1 branch3x3.reduce branch3x3.conv branch5x5.reduce branch5x5.conv branch_pool.pool branch_pool.project concat"
    assert [step.name for step in googlenet_steps["inception3a"].forward] == [f"inception3a.{part}" for part in parts.split()]
    head = [step.name for step in googlenet_steps["aux_4d"].forward]
    assert head == [f"aux_4d.{part}" for part in ("pool", "conv", "reshape", "hidden", "dropout", "classifier")]
    names = [step.name for step in googlenet_steps]
    assert len(set(names)) == len(names) / 2 and names[:2] == ["conv1", "pool1"] and names[-1] == "conv1"


def test_the_branches_stay_slices_of_the_concatenated_map(googlenet_steps):
    concat = googlenet_steps["inception4b.concat"][0]
    assert all(np.shares_memory(x, concat.output) for x in concat.inputs)


def test_the_receptive_fields_of_googlenet_are_those_of_the_recursion_in_the_literature(googlenet_steps):
    """r = r + (k - 1) j, j = j s (Araujo, Norris, Sim, Distill 2019), by hand for the widest path of Table 1."""
    size, jump, expected = 1, 1, {}
    table = [("conv1", 7, 2), ("pool1", 3, 2), ("conv2.conv", 3, 1), ("pool2", 3, 2)]
    table += [(f"inception3{m}.concat", 5, 1) for m in "ab"] + [("pool3", 3, 2)]
    table += [(f"inception4{m}.concat", 5, 1) for m in "abcde"] + [("pool4", 3, 2)]
    table += [(f"inception5{m}.concat", 5, 1) for m in "ab"] + [("pool5", 7, 7)]
    for name, kernel, stride in table:
        size, jump = size + (kernel - 1) * jump, jump * stride
        expected[name] = ((size, size), (jump, jump))
    assert {name: googlenet_steps[name][0].receptive_field[:2] for name in expected} == expected


@pytest.mark.parametrize("name", ["tiny", "lenet5", "nin", "googlenet"])
def test_only_pixels_of_the_receptive_field_change_an_output(name):
    """Brute force: a changed pixel changes a number of the map, by more than rounding, only if the window of that number holds it.

    Winograd's algorithm computes outputs by tiles, so that a pixel may change the last bits of another output of its tile."""
    model, image = small_model(name).eval(), numbers(1, SHAPES[name])
    h, w, _ = image.shape
    y, x = h // 2, w // 3
    changed = image.copy()
    changed[y, x] += 3
    before, after = mg.trace(model, image), mg.trace(model, changed)
    touched = 0
    for a, b in zip(before, after, strict=True):
        if a.output.ndim == 4 and a.receptive_field:
            rounding = 1e-5 * np.abs(a.output).max()
            for i, j in np.argwhere((np.abs(a.output - b.output) > rounding).any(axis=(0, 3))):
                rows, columns = a.receptive_field.window(i, j, (h, w))
                assert rows.start <= y < rows.stop and columns.start <= x < columns.stop, (a.name, i, j)
                touched += 1
    assert touched > 20


@pytest.mark.parametrize("height", [8, 7, 14, 6])
def test_the_field_of_adaptive_pooling_holds_each_of_its_windows(height):
    x = Tensor(numbers(0, (1, height, 9, 2)), requires_grad=True)
    tape = ops.adaptive_avg_pool2d(ops.max_pool2d(x, 3, 1, 1), 4).tape()
    field = receptive_fields(tape, x)[tape[1]]
    for (i, j), rows, columns in tape[1].windows(height, 9):
        seen_rows, seen_columns = field.window(i, j, (height, 9))
        assert seen_rows.start <= max(rows.start - 1, 0) and seen_rows.stop >= min(rows.stop + 1, height)
        assert seen_columns.start <= max(columns.start - 1, 0) and seen_columns.stop >= min(columns.stop + 1, 9)
    assert field.size[0] <= height // 4 + 2 + 3  # and not much more


def test_steps_are_indexed_sliced_and_found_by_name():
    steps = mg.trace(mg.models.TinyInception(), numbers(0, (8, 8, 1)), 1)
    assert steps[0].name == "conv1" and isinstance(steps[2:5], mg.inspection.Trace) and len(steps[2:5]) == 3
    assert [step.direction for step in steps["classifier"]] == ["forward", "backward"]
    assert {step.operation for step in steps.find("maxpool")} == {"MaxPool2d"} and len(steps.find("BRANCH3x3.reduce").forward) == 4
    assert len(steps.forward) == len(steps.backward) == len(steps) / 2
    assert [step.index for step in steps] == list(range(len(steps)))
    with pytest.raises(KeyError, match="no step is called 'clasifier', but classifier"):
        steps["clasifier"]


def test_a_printed_trace_is_one_aligned_line_for_each_step():
    lines = str(mg.trace(mg.models.TinyInception(), numbers(0, (8, 8, 1)), 1)).splitlines()
    assert len(lines) == 2 + 2 * 38
    column = lines[0].index("operation")
    assert all(line[column - 1] == " " != line[column] for line in [lines[0], *lines[2:]])
    assert "conv1" in lines[2] and "1x8x8x1 -> 1x8x8x32" in lines[2] and "18,432" in lines[2] and "3x3/1" in lines[2]


def test_the_kernel_and_algorithm_of_a_convolution_are_those_that_ran(native):
    layer = nn.Conv2d(64, 64, 3, padding=1)
    (step,) = mg.trace(nn.Sequential(layer=layer), numbers(0, (24, 24, 64)))
    assert (step.kernel, step.algorithm) == ("conv2d", "winograd")
    back = mg.trace(nn.Sequential(layer=layer, pool=nn.GlobalAvgPool2d()), numbers(0, (24, 24, 64)), 0)[-1]
    assert (back.kernel, back.algorithm) == ("conv2d_input, conv2d_weight, conv2d_bias", "winograd, direct")
    assert back.multiply_adds == 2 * 24 * 24 * 9 * 64 * 64
    with mg.kernels.use("reference"):
        (step,) = mg.trace(nn.Sequential(layer=layer), numbers(0, (24, 24, 64)))
    assert (step.kernel, step.algorithm) == ("conv2d", "")


def test_a_trace_leaves_the_model_and_the_random_numbers_as_they_were():
    mg.manual_seed(3)
    model, image = mg.models.TinyInception(), numbers(0, (8, 8, 1))
    loss_of(model, image, 1).backward()
    gradients = [p.grad for p in model.parameters()]
    expected_next = None
    for look in (False, True):
        mg.manual_seed(4)
        if look:
            mg.trace(model, image, 2)
        drawn = model(Tensor(image[None])).data
        assert expected_next is None or np.array_equal(drawn, expected_next)
        expected_next = drawn
    assert all(p.grad is grad for p, grad in zip(model.parameters(), gradients, strict=True))
    assert all("forward" not in vars(module) for _, module in model.named_modules())


@pytest.mark.parametrize("training", [True, False])
def test_a_trace_of_a_normalised_model_has_its_numbers_and_leaves_its_running_averages(training):
    model, images = mg.models.TinyInception(norm=True).train(training), numbers(0, (3, 8, 8, 1))
    before = {name: array.copy() for name, array in model.state_dict().items()}
    steps = mg.trace(model, images, [1, 2, 3])
    assert all(np.array_equal(array, before[name]) for name, array in model.state_dict().items())
    names = [step.name for step in steps["conv1"].forward]
    folded = ["conv1.channel_affine", "conv1.channel_affine#2", "conv1.channel_affine#3", "conv1.conv2d"]
    assert names == (["conv1.conv", "conv1.norm"] if training else folded)
    with mg.no_grad():
        logits = model.eval()(Tensor(images)).data
    assert training or np.array_equal(steps["classifier"][0].output, logits)


class Shared(nn.Module):
    """One layer under two names, run twice."""

    def __init__(self):
        self.layer = nn.Conv2d(3, 3, 1)
        self.again = self.layer

    def forward(self, x):
        return self.again(self.layer(x))


def test_a_layer_that_runs_twice_has_two_steps_of_different_names():
    model = Shared()
    first, second = mg.trace(model, numbers(0, (4, 4, 3)))
    assert first.name != second.name and np.array_equal(second.inputs[0], first.output)
    assert "forward" not in vars(model.layer)


def test_an_unused_trace_is_freed_by_reference_count_alone():
    gc.disable()
    try:
        steps = mg.trace(mg.models.TinyInception(), numbers(0, (8, 8, 1)), 1)
        alive = weakref.ref(steps[0].op)
        del steps
        assert alive() is None
    finally:
        gc.enable()


def test_without_a_label_all_results_are_traced():
    steps = mg.trace(mg.models.GoogLeNet(num_classes=2), np.zeros((224, 224, 3)))
    assert {"classifier", "aux_4a.classifier", "aux_4d.classifier"} <= {step.name for step in steps}
    assert steps[0].dxs is None and not steps.backward


def test_torchvisions_variant_is_traced_with_its_heads():
    model = mg.models.GoogLeNet(num_classes=3, variant="torchvision")
    steps = mg.trace(model, numbers(0, (224, 224, 3)), 1)
    assert len(steps.forward) == len(steps.backward) and steps["aux_4a.pool"][0].operation == "AdaptiveAvgPool2d"
    assert {step.input_shapes[1][0] for step in steps.find("branch5x5.conv")} == {3}


def test_what_cannot_be_traced_is_named():
    model = mg.models.TinyInception()
    with pytest.raises(ValueError, match=r"trace: `image` has shape \(8, 8\), expected \[h, w, c\] or \[n, h, w, c\]"):
        mg.trace(model, np.zeros((8, 8)))
    with pytest.raises(TypeError, match="trace: `model` is function, expected a Module"):
        mg.trace(loss_of, np.zeros((8, 8, 1)))
    with pytest.raises(ValueError, match=r"`label` is 1, but the model returns shape \(1, 6, 6, 2\): expected logits \[n, classes\]"):
        mg.trace(mg.nn.Conv2d(1, 2, 3), np.zeros((8, 8, 1)), 1)
    with mg.no_grad(), pytest.raises(RuntimeError, match="nothing is recorded under no_grad"):
        mg.trace(model, np.zeros((8, 8, 1)))
    with pytest.raises(ValueError, match="`labels` go from 10 to 10, expected 0 to 9"):
        mg.trace(model, np.zeros((8, 8, 1)), 10)
    assert all("forward" not in vars(module) for _, module in model.named_modules())


@pytest.mark.parametrize(("columns", "heading"), [
    (80, ["name", "operation", "output", "sees", "ms"]),
    (100, ["name", "operation", "output", "multiply-adds", "sees", "ms"]),
    (200, ["name", "operation", "kernel", "shapes", "parameters", "multiply-adds", "sees", "ms"]),
])  # fmt: skip
def test_a_table_has_the_columns_that_there_is_room_for(columns, heading):
    trace = mg.trace(mg.models.TinyInception(), np.zeros((8, 8, 1), np.float32), 5)
    lines = trace.table(columns).splitlines()
    assert lines[0].split() == heading and max(map(len, lines)) <= columns
