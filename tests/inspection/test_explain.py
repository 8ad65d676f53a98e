"""How a number came about: for random positions of every operation and model, the parts add up to what the kernels stored."""

from functools import lru_cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minigoog as mg
from minigoog import Tensor, nn, ops
from minigoog.checks import pair
from minigoog.inspection.explain import gradient as explain_gradient
from minigoog.inspection.explain import output as explain_output
from minigoog.inspection.trace.step import Step
from minigoog.kernels.sparse_pattern import SparsePattern
from minigoog.op import Op
from tests.kernels.judge import U
from tests.kernels.test_batch_norm import ROUNDINGS
from tests.kernels.test_softmax import relative_error
from tests.kernels.test_winograd import ABSOLUTE, winograd, winograd_weight
from tests.strategies import distinct, numbers, seeds

# ---- what rounding may cost, from the arithmetic of each operation ----

MOVED = {"MaxPool2d", "ReLU", "Reshape", "Concat", "Connect"}  # forward without arithmetic: the very bits


def sum_bound(e):
    """(4 + 2 sqrt(terms)) u magnitude: see tests/kernels/judge.py, where it is derived."""
    return (4 + 2 * np.sqrt(np.size(e.products))) * U * e.magnitude + 1e-40


def output_bound(step, e, index):
    op, x = step.op, step.inputs[0].astype(np.float64)
    if step.operation in MOVED:
        return 0.0
    if step.operation == "Tanh":  # derived in tests/kernels/test_activation.py
        return op.gain * U * (abs(op.slope * x[index]) + 6)
    if step.operation == "Softmax":
        return relative_error(step.inputs[0])[index] * e.value + 2e-38
    if step.operation == "CrossEntropy":  # -log p moves as much as p relatively; of each loss, and their mean
        of_logits = (4 + 2 * np.sqrt(x.shape[1])) * U * np.abs(x).max() * (op.label_smoothing > 0)  # their mean is taken too
        return float(relative_error(step.inputs[0]).max()) + 2 * U * e.magnitude + of_logits
    if step.operation == "SquaredDistance":  # computed as x^2 - 2 x code + code^2, whose terms are larger than what is left of them
        a, code = np.abs(x[index[0]]), np.abs(op.codes[index[1]].astype(np.float64))
        return (6 + 2 * np.sqrt(len(a))) * U * ((a + code) ** 2).sum()
    if step.operation == "BatchNorm2d":  # derived in tests/kernels/test_batch_norm.py
        size, deviation = np.abs(x[..., index[-1]]).max(), np.sqrt(e.parts["its variance"] + op.eps)
        scale = abs(step.inputs[1][index[-1]]) / deviation
        return ROUNDINGS * U * (2 * size * scale * (1 + size / deviation) + abs(step.inputs[2][index[-1]]))
    if step.algorithm == "winograd":  # S, the algorithm run on absolute values: tests/kernels/test_winograd.py
        scale = winograd(np.abs(x), np.abs(op.w).astype(np.float64), pair("Conv2d", "padding", op.window["padding"], 0), ABSOLUTE)[index]
        return (6 + 0.2 * np.sqrt(op.w.shape[2])) * U * (scale + abs(step.inputs[2][index[-1]]))
    return sum_bound(e)


def gradient_bound(step, e, k, index):
    op, dy = step.op, np.abs(step.dy).astype(np.float64)
    if step.operation == "Softmax":  # y is rounded, and so is each product of the sum
        y = step.output[index[0]].astype(np.float64)
        relative = 2 * relative_error(step.inputs[0])[index[0]].max() + (8 + 2 * np.sqrt(len(y))) * U
        return relative * y[index[1]] * (dy[index] + (dy[index[0]] * y).sum())
    if step.operation == "CrossEntropy":
        return (float(relative_error(step.inputs[0]).max()) + 8 * U) * dy / len(op.labels)
    if step.operation == "BatchNorm2d":
        return batch_norm_bound(op, dy, k, index)
    if step.operation == "Tanh":  # y is rounded by the forward pass, but that is the y of the formula
        return 8 * U * dy[index] * op.slope * (op.gain + step.output[index] ** 2 / op.gain) + 1e-40
    if step.operation == "SquaredDistance":  # computed as 2 (sum(dy) x - sum(dy code))
        terms = dy[index[0]] * (abs(step.inputs[0][index]) + np.abs(op.codes[:, index[1]]))
        return 2 * (6 + 2 * np.sqrt(len(terms))) * U * terms.sum()
    algorithm = dict(step.kernels).get(("conv2d_input", "conv2d_weight", "conv2d_bias")[k]) if step.operation == "Conv2d" else ""
    if algorithm == "winograd":
        return (6 + 0.2 * np.sqrt(terms_of_winograd(op, dy, k))) * U * winograd_scale(op, dy, k)[index]
    return sum_bound(e)


def batch_norm_bound(op, dy, k, index):
    """The magnitudes of tests/kernels/test_batch_norm.py, for one channel."""
    c = index[-1]
    inverse = 1 / np.sqrt(float(op.variance[c]) + op.eps)
    dy, normal = dy[..., c], (np.abs(op.x[..., c]) + abs(op.mean[c])) * inverse
    if k == 0:
        at = index[:-1]
        return ROUNDINGS * U * abs(op.gamma[c]) * inverse * (dy[at] + dy.mean() + normal[at] * (dy * normal).mean())
    return ROUNDINGS * U * (dy * (normal if k == 1 else 1)).sum()


def terms_of_winograd(op, dy, k):
    side = 7 - len(op.w)  # of a tile of the weight gradient
    return op.w.shape[3] if k == 0 else dy.shape[0] * -(-dy.shape[1] // side) * -(-dy.shape[2] // side)


def winograd_scale(op, dy, k):
    """The algorithm of the gradient on absolute values."""
    taps, padding = len(op.w), pair("Conv2d", "padding", op.window["padding"], 0)
    if k == 1:
        return winograd_weight(np.abs(op.x).astype(np.float64), dy, padding, taps, ABSOLUTE)
    turned = np.abs(op.w[::-1, ::-1].transpose(0, 1, 3, 2)).astype(np.float64)
    return winograd(dy, turned, tuple(taps - 1 - p for p in padding), ABSOLUTE)


# ---- checks of one number ----


def position(data, shape):
    return tuple(data.draw(st.integers(0, n - 1)) for n in shape)


def check_output(step, index):
    e = step.explain(*index)
    assert e.stored == step.output[index] and abs(e.value - e.stored) <= output_bound(step, e, index), (step, index, str(e))
    assert str(e).startswith(f"{step.name}: output{list(index)} = ")
    return e


def check_gradient(step, k, index):
    e = step.explain_gradient(*index, of=k)
    assert e.stored == step.dxs[k][index] and abs(e.value - e.stored) <= gradient_bound(step, e, k, index), (step, k, index, str(e))
    assert "gradient of" in str(e)
    return e


def check_somewhere(step, data):
    check_output(step, position(data, step.output_shape))
    for k, dx in enumerate(step.dxs or ()):
        if dx is not None:
            check_gradient(step, k, position(data, dx.shape))


# ---- every operation ----


def steps_of(y, seed):
    """A backward Step for each operation that the tensor `y` came from, from a random gradient."""
    tape = y.tape()
    return [Step(op, op.name, 0, "backward", 0.0, None, dy, dxs) for op, dy, dxs in tape.steps(numbers([seed, 1], y.shape))]


def leaf(seed, *shape):
    return Tensor(numbers(seed, shape), requires_grad=True)


@st.composite
def maps(draw):
    """A map without ties, [n, h, w, 4]."""
    shape = (draw(st.integers(1, 2)), draw(st.integers(3, 9)), draw(st.integers(3, 9)), 4)
    return Tensor(distinct(draw(seeds), shape) / 16, requires_grad=True)


pairs = st.tuples(st.integers(1, 3), st.integers(1, 3))
pads = st.tuples(st.integers(0, 2), st.integers(0, 2))


def some_conv(draw, x):
    groups, cout = draw(st.sampled_from([(1, 5), (2, 6), (4, 4)]))
    w, b = leaf(1, *draw(pairs), 4 // groups, cout), leaf(2, cout)
    bias = (b,) if draw(st.booleans()) else ()
    return ops.conv2d(x, w, *bias, stride=draw(pairs), padding=draw(pads), groups=groups, relu=draw(st.booleans()))


def some_linear(draw, x):
    flat = ops.flatten(x)
    bias = (leaf(2, 7),) if draw(st.booleans()) else ()
    return ops.linear(flat, leaf(1, flat.shape[1], 7), *bias, relu=draw(st.booleans()))


def some_sparse_conv(draw, x):
    mask = np.random.default_rng(draw(seeds)).random((3, 3, 4, 20)) < 0.4
    pattern = SparsePattern.from_mask(mask, draw(st.sampled_from([1, 16])))
    values = Tensor(numbers(1, pattern.values_shape) * (pattern.gather(mask.astype(np.float32)) != 0), requires_grad=True)
    return ops.sparse_conv2d(x, values, leaf(2, 20), pattern=pattern, padding=1, stride=draw(pairs), relu=draw(st.booleans()))


def some_connect(draw, x):
    return ops.connect(leaf(1, 3, 2, 4), [0, 1, 1, 3], [0, 0, 2, 1], (4, 3))


POOL = {"kernel_size": 3, "padding": 1}
CASES = {
    "AdaptiveAvgPool2d": lambda draw, x: ops.adaptive_avg_pool2d(x, draw(st.integers(1, 5))),
    "Add": lambda draw, x: x + leaf(1, *x.shape),
    "AvgPool2d": lambda draw, x: ops.avg_pool2d(x, stride=draw(pairs), ceil_mode=draw(st.booleans()), **POOL),
    "BatchNorm2d": lambda draw, x: ops.batch_norm(x, leaf(1, 4), leaf(2, 4), eps=1e-3, relu=draw(st.booleans())),
    "ChannelAffine": lambda draw, x: ops.channel_affine(x, leaf(1, 4), leaf(2, 4)),
    "Concat": lambda draw, x: ops.concat([x, leaf(1, *x.shape[:3], 3), leaf(2, *x.shape[:3], 1)]),
    "Connect": some_connect,
    "Conv2d": some_conv,
    "CrossEntropy": lambda draw, x: ops.cross_entropy(ops.flatten(x), np.arange(len(x.data)), draw(st.sampled_from([0, 0.1]))),
    "Dropout": lambda draw, x: ops.dropout(x, 0.4),
    "GlobalAvgPool2d": lambda draw, x: ops.global_avg_pool2d(x),
    "Linear": some_linear,
    "MaxPool2d": lambda draw, x: ops.max_pool2d(x, stride=draw(pairs), ceil_mode=draw(st.booleans()), **POOL),
    "Multiply": lambda draw, x: x * leaf(1, *x.shape),
    "ReLU": lambda draw, x: ops.relu(x),
    "Reshape": lambda draw, x: x.reshape(-1 * -x.shape[0], x.shape[2], x.shape[1], 2, 2),
    "Scale": lambda draw, x: x * 0.7,
    "Softmax": lambda draw, x: ops.softmax(ops.flatten(x) * 0.01),
    "SparseConv2d": some_sparse_conv,
    "SquaredDistance": lambda draw, x: ops.squared_distance(ops.flatten(x), numbers(1, (3, x.size // x.shape[0]))),
    "Sum": lambda draw, x: (x * 1.3).sum(),
    "Tanh": lambda draw, x: ops.tanh(x * 0.1, 1.7, 0.6),
}


def test_every_operation_has_a_rule_forward_and_backward_and_a_case_here():
    classes = {c.__name__ for c in Op.__subclasses__() if c.__module__.startswith("minigoog.ops")}
    assert len(classes) >= 20 and set(explain_output.RULES) == set(explain_gradient.RULES) == set(CASES) == classes


@pytest.mark.parametrize("name", CASES)
@given(data=st.data())
def test_a_number_of_an_operation_and_of_its_gradients_adds_up(name, data):
    x = data.draw(maps())
    steps = steps_of(CASES[name](data.draw, x), 0)
    assert steps[0].operation == name
    for step in steps:
        check_somewhere(step, data)


# ---- every model ----

SHAPES = {"tiny": (8, 8, 1), "lenet5": (32, 32, 1), "nin": (32, 32, 3), "googlenet": (47, 47, 3)}
BUILD = {"googlenet": {"num_classes": 5, "aux_heads": False}}


@lru_cache
def steps_of_model(name):
    mg.manual_seed(0)
    images = numbers(0, (2, *SHAPES[name]))
    return mg.trace(mg.models.build(name, **BUILD.get(name, {})), images, [1, 3]).backward


@pytest.mark.parametrize("name", SHAPES)
@given(data=st.data())
def test_a_number_of_a_model_and_of_its_gradients_adds_up(name, data):
    steps = steps_of_model(name)
    check_somewhere(data.draw(st.sampled_from(steps)), data)


@lru_cache
def steps_of_head(variant):
    """An auxiliary head of GoogLeNet, on its own map."""
    mg.manual_seed(0)
    head = mg.models.GoogLeNet(num_classes=3, variant=variant).aux_4a
    return mg.trace(head, numbers(0, (14, 14, 512)), 1).backward


@pytest.mark.parametrize("variant", ["paper", "torchvision"])
@given(data=st.data())
def test_a_number_of_an_auxiliary_head_adds_up(variant, data):
    check_somewhere(data.draw(st.sampled_from(steps_of_head(variant))), data)


@lru_cache
def winograd_step(taps):
    mg.manual_seed(0)
    model = nn.Sequential(conv=nn.Conv2d(32, 32, taps, padding=taps // 2, relu=True), pool=nn.GlobalAvgPool2d())
    return mg.trace(model, numbers(0, (8, 21, 22, 32)), np.arange(8)).find("conv")


@pytest.mark.parametrize("taps", [3, 5])
@settings(max_examples=10)  # the judge runs the whole algorithm for each
@given(data=st.data())
def test_a_number_that_winograd_computed_adds_up_within_winograds_own_bound(native, taps, data):
    there, back = winograd_step(taps)
    assert there.algorithm == "winograd" and back.algorithm == "winograd, winograd"
    check_output(there, position(data, there.output_shape))
    for k in range(3):
        check_gradient(back, k, position(data, back.dxs[k].shape))


# ---- what is shown ----


@pytest.fixture(scope="module")
def tiny():
    mg.manual_seed(0)
    return mg.trace(mg.models.TinyInception(), mg.data.digits()[1].images[0], 0)


def test_an_explanation_holds_patch_filter_and_products(tiny):
    step = tiny["inception2a.branch3x3.conv"][0]
    e = step.explain(0, 7, 5)
    assert e.corner == (-1, 6) and e.factors["patch"].shape == e.factors["filter"].shape == e.products.shape == (3, 3, 16)
    assert not e.factors["patch"][0].any() and not e.factors["patch"][:, 2].any()  # the padding
    assert np.array_equal(e.factors["patch"][1:, :2], step.inputs[0][0, :2, 6:])
    assert np.array_equal(e.factors["filter"], step.inputs[1][..., 5])
    assert np.isclose(e.products.sum() + step.inputs[2][5], e.parts["before ReLU"])


def test_a_printed_explanation_shows_the_window_and_the_sum(tiny):
    text = str(tiny["conv1"][0].explain(3, 4, 5))
    assert text.startswith("conv1: output[0, 3, 4, 5] = max(sum(patch * filter) + bias, 0)")
    assert all(word in text for word in ("patch", "filter", "products", "bias", "before ReLU", "stored"))
    assert len(text.splitlines()) == 1 + 4 + 5
    deep = str(tiny["inception3a.branch3x3.conv"][0].explain(1, 1, 3))
    assert "products, added up over 32 channels" in deep and "6 strongest of 288 products (patch * filter):" in deep


def test_the_gradient_of_an_input_by_name(tiny):
    step = tiny["classifier"][1]
    assert step.explain_gradient(3, of="bias").stored == step.dxs[2][3]
    assert step.explain_gradient(7, 3, of="weight").stored == step.dxs[1][7, 3]
    assert step.explain_gradient(7).stored == tiny["classifier"][0].explain_gradient(0, 7, of=0).stored == step.dxs[0][0, 7]


def test_a_number_that_is_not_there_is_named(tiny):
    step = tiny["conv1"][0]
    with pytest.raises(ValueError, match=r"explain: `index\[1\]` is 8, expected at most 7"):
        step.explain(8, 0, 0)
    with pytest.raises(IndexError, match=r"expected 4 numbers for an array of shape \(1, 8, 8, 32\)"):
        step.explain(0, 0)
    with pytest.raises(ValueError, match="`of` is 'filter', expected one of input, weight, bias"):
        step.explain_gradient(0, 0, 0, of="filter")
    with pytest.raises(IndexError, match="expected 4 numbers"):
        step.explain_gradient(0, 0, 3, of="weight")
    (without,) = mg.trace(nn.Sequential(relu=nn.ReLU()), np.ones((2, 2, 1)))
    with pytest.raises(RuntimeError, match=r"relu has no gradients: give trace\(\) a label"):
        without.explain_gradient(0, 0, 0)
    layer = nn.Linear(1, 2)
    layer.weight.requires_grad = False
    frozen = mg.trace(nn.Sequential(mean=nn.GlobalAvgPool2d(), layer=layer), np.ones((2, 2, 1)), 0)["layer"][1]
    with pytest.raises(ValueError, match="nobody wanted the gradient of the weight of layer"):
        frozen.explain_gradient(0, 0, of="weight")
