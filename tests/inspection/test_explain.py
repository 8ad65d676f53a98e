"""How a number was computed: for random positions of every operation and model, the parts add up to what the kernels stored."""

from functools import lru_cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minigoog as mg
from minigoog import Tensor, nn, ops
from minigoog.inspection.rules.rule import RULES
from minigoog.inspection.trace.step import Step
from minigoog.kernels.sparse_pattern import SparsePattern
from minigoog.op import Op
from minigoog.ops.resize import COORDINATES, MODES, ROUNDINGS
from tests.inspection.bounds import gradient_bound, output_bound
from tests.strategies import distinct, numbers, seeds

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


def some_conv_transpose(draw, x):
    groups, stride, dilation = draw(st.sampled_from([1, 2, 4])), draw(pairs), draw(pairs)
    kernel = [draw(st.integers(1, 3)) + 2 for _ in range(2)]
    extra = tuple(draw(st.integers(0, max(both) - 1)) for both in zip(stride, dilation, strict=True))
    bias = (leaf(2, 3 * groups),) if draw(st.booleans()) else ()
    w = leaf(1, *kernel, 3, 4)
    window = {"stride": stride, "padding": draw(pads), "dilation": dilation, "output_padding": extra}
    return ops.conv_transpose2d(x, w, *bias, groups=groups, **window)


def some_pad(draw, x):
    mode = draw(st.sampled_from(["constant", "reflect", "edge"]))
    return ops.pad(x, tuple(draw(st.integers(0, 2)) for _ in range(4)), 0.7, mode)


def some_resize(draw, x):
    mode, coordinates, rounding = (draw(st.sampled_from(names)) for names in (MODES, COORDINATES, ROUNDINGS))
    return ops.resize(x, (draw(st.integers(1, 12)), draw(st.integers(1, 12))), mode, coordinates, rounding)


def broadcast(draw, x):
    """A leaf of the shape of `x`, or of one that is broadcast."""
    n, h, w, c = x.shape
    return leaf(1, *draw(st.sampled_from([(n, h, w, c), (c,), (n, 1, 1, c), (h, 1, c)])))


POOL, SMOOTHING = {"kernel_size": 3, "padding": 1}, st.sampled_from([0, 0.1])
CASES = {
    "AdaptiveAvgPool2d": lambda draw, x: ops.adaptive_avg_pool2d(x, draw(st.integers(1, 5))),
    "AddScalar": lambda draw, x: x + 1.5,
    "Add": lambda draw, x: x + broadcast(draw, x),
    "AvgPool2d": lambda draw, x: ops.avg_pool2d(x, stride=draw(pairs), ceil_mode=draw(st.booleans()), **POOL),
    "BatchNorm2d": lambda draw, x: ops.batch_norm(x, gamma=leaf(1, 4), beta=leaf(2, 4), eps=1e-3, relu=draw(st.booleans())),
    "ChannelAffine": lambda draw, x: ops.channel_affine(x, leaf(1, 4), leaf(2, 4)),
    "ChannelShuffle": lambda draw, x: ops.channel_shuffle(x, draw(st.sampled_from([1, 2, 4]))),
    "Clip": lambda draw, x: ops.clip(x, draw(st.sampled_from([None, -0.5, 0.1])), draw(st.sampled_from([None, 0.6]))),
    "Concat": lambda draw, x: ops.concat([x, leaf(1, *x.shape[:3], 3), leaf(2, *x.shape[:3], 1)]),
    "Connect": some_connect,
    "Conv2d": some_conv,
    "ConvTranspose2d": some_conv_transpose,
    "CrossEntropy": lambda draw, x: ops.cross_entropy(ops.flatten(x), np.arange(len(x.data)), label_smoothing=draw(SMOOTHING)),
    "Dropout": lambda draw, x: ops.dropout(x, 0.4),
    "ELU": lambda draw, x: ops.elu(x, 1.3),
    "GELU": lambda draw, x: ops.gelu(x, draw(st.sampled_from(["none", "tanh"]))),
    "GlobalAvgPool2d": lambda draw, x: ops.global_avg_pool2d(x),
    "HardSigmoid": lambda draw, x: ops.hard_sigmoid(x, 0.2, 0.4),
    "HardSwish": lambda draw, x: ops.hard_swish(x),
    "Index": lambda draw, x: x[[0, -1, 0], 1:, ::2],
    "LeakyReLU": lambda draw, x: ops.leaky_relu(x, draw(st.sampled_from([0.01, -0.5, 1.5]))),
    "Linear": some_linear,
    "LogSoftmax": lambda draw, x: ops.log_softmax(x),
    "LRN": lambda draw, x: ops.lrn(x, draw(st.sampled_from([1, 3, 5])), 0.9, draw(st.sampled_from([0.75, 0.6]))),
    "MaxPool2d": lambda draw, x: ops.max_pool2d(x, stride=draw(pairs), ceil_mode=draw(st.booleans()), **POOL),
    "Mean": lambda draw, x: (x * 1.3).mean(),
    "Multiply": lambda draw, x: x * broadcast(draw, x),
    "Pad": some_pad,
    "Power": lambda draw, x: (x * x + 0.5) ** draw(st.sampled_from([2, -1, 0.5, 0])),
    "PReLU": lambda draw, x: ops.prelu(x, leaf(1, 4)),
    "ReLU": lambda draw, x: ops.relu(x),
    "Reshape": lambda draw, x: x.reshape(-1 * -x.shape[0], x.shape[2], x.shape[1], 2, 2),
    "Resize": some_resize,
    "Scale": lambda draw, x: x * 0.7,
    "Sigmoid": lambda draw, x: ops.sigmoid(x),
    "SiLU": lambda draw, x: ops.silu(x),
    "Softmax": lambda draw, x: ops.softmax(ops.flatten(x) * 0.01),
    "SparseConv2d": some_sparse_conv,
    "SquaredDistance": lambda draw, x: ops.squared_distance(ops.flatten(x), numbers(1, (3, x.size // x.shape[0]))),
    "Sum": lambda draw, x: (x * 1.3).sum(),
    "Tanh": lambda draw, x: ops.tanh(x * 0.1, gain=1.7, slope=0.6),
    "Transpose": lambda draw, x: ops.transpose(x, draw(st.permutations(range(4)))),
}


def test_every_operation_has_a_rule_and_a_case_here():
    classes = {c for c in Op.__subclasses__() if c.__module__.startswith("minigoog.ops")}
    ours = {c for c in RULES if c.__module__.startswith("minigoog.ops")}
    assert len(classes) >= 20 and ours == classes and set(CASES) == {c.__name__ for c in classes}


@pytest.mark.parametrize("name", CASES)
@given(data=st.data())
def test_a_number_of_an_operation_and_of_its_gradients_adds_up(name, data):
    x = data.draw(maps())
    steps = steps_of(CASES[name](data.draw, x), 0)
    assert steps[0].operation == name
    for step in steps:
        check_somewhere(step, data)


# ---- every model ----

SHAPES = {"tiny": (8, 8, 1), "lenet5": (32, 32, 1), "nin": (32, 32, 3), "googlenet": (31, 31, 3)}  # 31: pool4 exceeds its map
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
@settings(max_examples=4)  # the judge runs the whole algorithm for each
@given(data=st.data())
def test_a_number_that_winograd_computed_adds_up_within_winograds_own_bound(native, taps, data):
    there, back = winograd_step(taps)
    assert there.algorithm == "winograd" and back.algorithm == "winograd, winograd"
    check_output(there, position(data, there.output_shape))
    for k in range(3):
        check_gradient(back, k, position(data, back.dxs[k].shape))


def test_a_loss_whose_label_has_a_probability_of_0_adds_up():
    """exp(-1000) is 0, but its logarithm is -1000."""
    step = mg.trace(nn.Sequential(nn.Flatten()), np.float32([[[0], [1000], [3]]]), label=0).forward[-1]
    explained = step.explain()
    assert explained.value == explained.stored == 1000
