"""Every operation's gradient against central differences in float64, and the rules that all of them share."""

import inspect

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minigoog as mg
from minigoog import Tensor, gradcheck, ops
from minigoog.kernels.sparse_pattern import SparsePattern
from minigoog.op import Op
from tests.strategies import distinct, numbers


def away_from_zero(seed, *shape):
    """Random numbers at least 0.1 from 0, where ReLU has its kink."""
    a = np.random.default_rng(seed).standard_normal(shape)
    return a + np.where(a < 0, -0.1, 0.1)


def spread(seed, *shape):
    """No two closer than 0.1: no ties for a max pool."""
    return distinct(seed, shape).astype(np.float64) / 10


LABELS = [2, 0, 1]
CODES = np.sign(away_from_zero(7, 5, 4))
SPARSE = SparsePattern.from_mask(distinct(8, (3, 3, 2, 3)) > 0)
BLOCKS = SparsePattern.from_mask(distinct(9, (2, 2, 2, 3)) > 8, 16)
CHECKS = {
    "add": (ops.add, [away_from_zero(0, 2, 3), away_from_zero(1, 2, 3)]),
    "sub": (ops.sub, [away_from_zero(0, 2, 3), away_from_zero(1, 2, 3)]),
    "mul": (ops.mul, [away_from_zero(0, 2, 3), away_from_zero(1, 2, 3)]),
    "mul by a number": (lambda x: ops.mul(x, -2.5), [away_from_zero(0, 2, 3)]),
    "neg": (ops.neg, [away_from_zero(0, 4)]),
    "sum": (ops.sum, [away_from_zero(0, 2, 3, 1)]),
    "relu": (ops.relu, [away_from_zero(0, 3, 5)]),
    "leaky_relu": (lambda x: ops.leaky_relu(x, 0.2), [away_from_zero(0, 3, 5)]),
    "tanh": (lambda x: ops.tanh(x, 1.7159, 2 / 3), [away_from_zero(0, 3, 5)]),
    "softmax": (ops.softmax, [away_from_zero(0, 3, 5)]),
    "cross_entropy": (lambda x: ops.cross_entropy(x, LABELS), [away_from_zero(0, 3, 5)]),
    "cross_entropy with label smoothing": (lambda x: ops.cross_entropy(x, LABELS, label_smoothing=0.2), [away_from_zero(0, 3, 5)]),
    "linear": (ops.linear, [away_from_zero(0, 3, 4), away_from_zero(1, 4, 2), away_from_zero(2, 2)]),
    "linear with relu": (lambda x, w, b: ops.linear(x, w, b, relu=True),
                         [away_from_zero(0, 3, 4), away_from_zero(1, 4, 2), away_from_zero(2, 2)]),
    "linear without bias": (ops.linear, [away_from_zero(0, 3, 4), away_from_zero(1, 4, 2)]),
    "conv2d": (lambda x, w, b: ops.conv2d(x, w, b, stride=2, padding=1),
               [away_from_zero(0, 2, 5, 4, 3), away_from_zero(1, 3, 3, 3, 2), away_from_zero(2, 2)]),
    "conv2d with relu": (lambda x, w, b: ops.conv2d(x, w, b, relu=True),
                         [away_from_zero(0, 1, 4, 4, 2), away_from_zero(1, 2, 3, 2, 2), away_from_zero(2, 2)]),
    "conv2d without bias, groups": (lambda x, w: ops.conv2d(x, w, padding=(0, 1), groups=2),
                                    [away_from_zero(0, 1, 3, 3, 4), away_from_zero(1, 2, 2, 2, 4)]),
    "sparse_conv2d": (lambda x, v, b: ops.sparse_conv2d(x, v, b, pattern=SPARSE, stride=2, padding=1),
                      [away_from_zero(0, 2, 5, 4, 2), away_from_zero(1, *SPARSE.values_shape), away_from_zero(2, 3)]),
    "sparse_conv2d in blocks, with relu": (lambda x, v: ops.sparse_conv2d(x, v, pattern=BLOCKS, relu=True),
                                           [away_from_zero(0, 1, 4, 4, 2), away_from_zero(1, *BLOCKS.values_shape)]),
    "max_pool2d, ceil mode": (lambda x: ops.max_pool2d(x, 3, 2, 1, ceil_mode=True), [spread(0, 2, 6, 5, 2)]),
    "avg_pool2d, ceil mode": (lambda x: ops.avg_pool2d(x, 3, 2, 1, ceil_mode=True), [away_from_zero(0, 2, 6, 5, 2)]),
    "global_avg_pool2d": (ops.global_avg_pool2d, [away_from_zero(0, 2, 3, 4, 2)]),
    "adaptive_avg_pool2d, a pair": (lambda x: ops.adaptive_avg_pool2d(x, (2, 3)), [away_from_zero(0, 2, 5, 4, 2)]),
    "adaptive_avg_pool2d": (lambda x: ops.adaptive_avg_pool2d(x, 3), [away_from_zero(0, 2, 5, 4, 2)]),
    "channel_affine": (ops.channel_affine, [away_from_zero(0, 2, 3, 2, 4), away_from_zero(1, 4), away_from_zero(2, 4)]),
    "batch_norm": (lambda x, g, b: ops.batch_norm(x, g, b, eps=1e-3),
                   [away_from_zero(0, 2, 3, 2, 4), away_from_zero(1, 4), away_from_zero(2, 4)]),
    "batch_norm with relu": (lambda x, g, b: ops.batch_norm(x, g, b, eps=1e-3, relu=True),
                             [away_from_zero(0, 5, 4), away_from_zero(1, 4), away_from_zero(2, 4)]),
    "connect": (lambda k: ops.connect(k, [0, 2, 1], [1, 0, 1], (3, 2)), [away_from_zero(0, 2, 3, 3)]),
    "squared_distance": (lambda x: ops.squared_distance(x, CODES), [away_from_zero(0, 3, 4)]),
    "add a number": (lambda x: x + 2.5, [away_from_zero(0, 3, 2)]),
    "power": (lambda x: x**3, [away_from_zero(0, 3, 2)]),
    "mean": (lambda x: x.mean(), [away_from_zero(0, 3, 2)]),
    "index": (lambda x: x[1:, ::2], [away_from_zero(0, 3, 4)]),
    "concat": (lambda a, b, c: ops.concat([a, b, c, a]), [away_from_zero(i, 1, 2, 2, i + 1) for i in range(3)]),
    "reshape": (lambda x: ops.reshape(x, (3, 2)) * ops.reshape(x, (3, 2)), [away_from_zero(0, 2, 3)]),
    "flatten": (lambda x: ops.flatten(x) * ops.flatten(x), [away_from_zero(0, 2, 3, 2)]),
}


def all_operations():
    def below(kind):
        return [kind, *(k for sub in kind.__subclasses__() for k in below(sub))]

    return {k.__name__ for k in below(Op)[1:] if k.__module__.startswith("minigoog.ops.")}


@pytest.mark.parametrize("function, inputs", CHECKS.values(), ids=CHECKS)
def test_gradient_agrees_with_central_differences(function, inputs):
    assert gradcheck(function, inputs)


def test_no_operation_is_without_a_gradient_check():
    results = [function(*(Tensor(x, requires_grad=True) for x in f32(inputs))) for function, inputs in CHECKS.values()]
    checked = {op.name for y in results for op in y.tape()}
    assert all_operations() - checked == {"Dropout"}  # tests/ops/test_dropout.py


def f32(inputs):
    return [x.astype(np.float32) for x in inputs]


@pytest.mark.parametrize("function, inputs", CHECKS.values(), ids=CHECKS)
def test_the_native_gradient_is_the_reference_gradient(native, function, inputs):
    def gradients(kind, dtype):
        tensors = [Tensor(x.astype(dtype), requires_grad=True) for x in inputs]
        with mg.kernels.use(kind):
            y = function(*tensors)
            y.backward(numbers(9, y.shape).astype(dtype))
        return [y.data, *(x.grad for x in tensors)]

    for a, b in zip(gradients("native", np.float32), gradients("reference", np.float64), strict=True):
        assert a.dtype == np.float32 and np.allclose(a, b, rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("function, inputs", CHECKS.values(), ids=CHECKS)
def test_shared_inputs_accumulate_and_no_input_is_modified(function, inputs):
    """f(x) + f(x) has twice the gradient of f(x)."""
    once, twice = ([Tensor(x, requires_grad=True) for x in f32(inputs)] for _ in range(2))
    function(*once).sum().backward()
    (function(*twice).sum() + function(*twice).sum()).backward()
    for a, b, x in zip(once, twice, f32(inputs), strict=True):
        assert np.allclose(2 * a.grad, b.grad, rtol=1e-6, atol=1e-6) and np.array_equal(a.data, x) and np.array_equal(b.data, x)


@pytest.mark.parametrize("slope, gain", [(1.0, 1.0), (2 / 3, 1.7159)])
def test_tanh_agrees_with_the_complex_step(slope, gain):
    """Im f(x + ih) / h: a derivative with no subtraction, so exact to the last digits."""
    x = away_from_zero(0, 50)
    tensor = Tensor(x, requires_grad=True)
    with mg.kernels.use("reference"):
        ops.tanh(tensor, gain, slope).sum().backward()
    assert np.allclose(tensor.grad, (gain * np.tanh(slope * (x + 1e-30j))).imag / 1e-30, rtol=1e-12)


def test_softmax_and_cross_entropy_agree_with_the_complex_step():
    x, h = away_from_zero(0, 3, 5), 1e-30
    tensor = Tensor(x, requires_grad=True)
    with mg.kernels.use("reference"):
        ops.cross_entropy(tensor, LABELS).backward()
    for index in np.ndindex(3, 5):
        z = x.astype(complex)
        z[index] += 1j * h
        loss = np.mean([np.log(np.exp(row).sum()) - row[label] for row, label in zip(z, LABELS, strict=True)])
        assert np.isclose(tensor.grad[index], loss.imag / h, rtol=1e-12, atol=1e-15)


@settings(max_examples=25)
@given(st.data())
def test_gradients_of_random_convolutions_agree_with_central_differences(data):
    draw = lambda low, high: data.draw(st.integers(low, high))  # noqa: E731
    kh, kw, stride = draw(1, 4), draw(1, 4), (draw(1, 3), draw(1, 3))
    padding = draw(0, kh), draw(0, kw)
    h, w = max(draw(1, 5), kh - 2 * padding[0]), max(draw(1, 5), kw - 2 * padding[1])
    cin, cout, groups = draw(1, 2), draw(1, 2), draw(1, 2)
    shapes = (draw(1, 2), h, w, cin * groups), (kh, kw, cin, cout * groups), (cout * groups,)
    inputs = [numbers(0, shape).astype(float) for shape in shapes]
    assert gradcheck(lambda x, w, b: ops.conv2d(x, w, b, stride=stride, padding=padding, groups=groups), inputs, samples=12)


@settings(max_examples=25)
@given(st.data())
def test_gradients_of_random_pools_agree_with_central_differences(data):
    draw = lambda low, high: data.draw(st.integers(low, high))  # noqa: E731
    size, stride, ceil_mode = (draw(1, 4), draw(1, 4)), (draw(1, 3), draw(1, 3)), data.draw(st.booleans())
    padding = tuple(draw(0, k - 1) for k in size)
    x = spread(0, draw(1, 2), *(max(draw(1, 6), k - 2 * p) for k, p in zip(size, padding, strict=True)), draw(1, 2))
    for pool in (ops.max_pool2d, ops.avg_pool2d):
        assert gradcheck(lambda x, pool=pool: pool(x, size, stride, padding, ceil_mode), [x], samples=12)


def test_an_operation_with_something_else_than_tensors_is_refused():
    with pytest.raises(TypeError, match="ReLU: input 0 is ndarray, expected a Tensor"):
        ops.relu(np.ones(3, np.float32))


def test_every_public_operation_has_a_docstring():
    assert all(inspect.getdoc(getattr(ops, name)) for name in ops.__all__)


def test_an_empty_batch_passes_through_a_whole_network_forward_and_backward():
    mg.manual_seed(0)
    model = mg.nn.Sequential(mg.nn.Conv2d(3, 8, 3, padding=1, relu=True), mg.nn.MaxPool2d(2, ceil_mode=True),
                             mg.nn.Inception(8, 4, 4, 4, 4, 4, 4),
                             mg.nn.AvgPool2d(2), mg.nn.Dropout(0.5), mg.nn.GlobalAvgPool2d(), mg.nn.Linear(16, 5))
    x = Tensor(np.ones((0, 9, 9, 3), np.float32), requires_grad=True)
    loss = ops.cross_entropy(model(x), np.zeros(0, int))
    loss.backward()
    assert loss.item() == 0 and x.grad.shape == x.shape
    assert all(np.all(p.grad == 0) for p in model.parameters())
