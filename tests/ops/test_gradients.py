"""Every operation's gradient against central differences in float64, complex steps, and the other kind of kernels."""

import inspect

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minigoog as mg
from minigoog import Tensor, gradcheck, ops
from tests.kernels.judge import same_bits
from tests.ops.records import LABELS, RECORDS, apart, spread, tensors
from tests.ops.test_records import gradients
from tests.strategies import numbers

each = pytest.mark.parametrize("record", RECORDS.values(), ids=RECORDS)


@each
def test_gradient_agrees_with_central_differences(record):
    assert gradcheck(record.run, list(record.tensors.values()))


@pytest.mark.parametrize("function, inputs", {
    "one tensor twice": (lambda a, b: ops.concat([a, b, a]), [apart(i, 1, 2, 2, i + 1) for i in range(2)]),
    "a number for each channel of five axes": (
        lambda x, a, b: ops.channel_affine(ops.prelu(x, a), a, b), [apart(0, 2, 1, 2, 2, 3), apart(1, 3), apart(2, 3)]),
    "a product of two views": (lambda x: ops.reshape(x, (3, 2)) * ops.reshape(x, (3, 2)), [apart(0, 2, 3)]),
}.values())  # fmt: skip
def test_gradients_of_operations_together_agree_with_central_differences(function, inputs):
    assert gradcheck(function, inputs)


@each
def test_the_native_gradient_is_the_reference_gradient(native, record):
    with mg.kernels.use("native"):
        got = gradients(record, tensors(record))
    with mg.kernels.use("reference"):
        expected = gradients(record, tensors(record, np.float64))
    for a, b in zip(got, expected, strict=True):
        assert a.dtype == np.float32 and np.allclose(a, b, rtol=2e-5, atol=2e-5)


@each
def test_shared_inputs_accumulate_and_no_input_is_modified(record):
    """f(x) + f(x) has twice the gradient of f(x)."""
    once, twice = tensors(record), tensors(record)
    record.run(*once).sum().backward()
    (record.run(*twice).sum() + record.run(*twice).sum()).backward()
    for a, b, x in zip(once, twice, tensors(record), strict=True):
        assert np.allclose(2 * a.grad, b.grad, rtol=1e-6, atol=1e-6) and same_bits(a.data, x.data) and same_bits(b.data, x.data)


@pytest.mark.parametrize("slope, gain", [(1.0, 1.0), (2 / 3, 1.7159)])
def test_tanh_agrees_with_the_complex_step(slope, gain):
    """Im f(x + ih) / h: a derivative with no subtraction, so exact to the last digits."""
    x = apart(0, 50)
    tensor = Tensor(x, requires_grad=True)
    with mg.kernels.use("reference"):
        ops.tanh(tensor, gain=gain, slope=slope).sum().backward()
    assert np.allclose(tensor.grad, (gain * np.tanh(slope * (x + 1e-30j))).imag / 1e-30, rtol=1e-12)


def test_softmax_and_cross_entropy_agree_with_the_complex_step():
    x, h = apart(0, 3, 5), 1e-30
    tensor = Tensor(x, requires_grad=True)
    with mg.kernels.use("reference"):
        ops.cross_entropy(tensor, LABELS["labels"]).backward()
    for index in np.ndindex(3, 5):
        z = x.astype(complex)
        z[index] += 1j * h
        loss = np.mean([np.log(np.exp(row).sum()) - row[label] for row, label in zip(z, LABELS["labels"], strict=True)])
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
        assert gradcheck(lambda x, pool=pool: pool(x, size, stride, padding, ceil_mode=ceil_mode), [x], samples=12)


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
