"""The contract of an operation: what it may be given, what it must return, how often it may run."""

import contextlib

import numpy as np
import pytest

import minigoog as mg
from minigoog import Tensor, ops


def leaf(*values):
    return Tensor(np.array(values, np.float32), requires_grad=True)


class Swish(mg.Op):
    """x / (1 + exp(-x)), with two mistakes to switch on."""

    def __init__(self, returned=None, gradient=None):
        self.returned, self.gradient = returned, gradient

    def forward(self, x):
        self.x, self.gate = x, 1 / (1 + np.exp(-x))
        return x * self.gate if self.returned is None else self.returned

    def backward(self, dy):
        dx = dy * self.gate * (1 + self.x * (1 - self.gate))
        return (dx,) if self.gradient is None else self.gradient(dx)


def test_an_operation_of_ones_own_has_forward_and_backward_and_nothing_else():
    x = leaf(1, -2, 3)
    y = Swish()(x)
    y.sum().backward()
    assert np.allclose(y.data, x.data / (1 + np.exp(-x.data))) and x.grad.dtype == np.float32
    assert mg.gradcheck(lambda x: Swish()(x), [np.array([1.0, -2.0, 3.0])])


@pytest.mark.parametrize("returned, error, message", [
    (1.5, TypeError, r"Swish.forward: `y` is float, expected a NumPy array"),
    (np.float32(1.5), TypeError, r"Swish.forward: `y` is float32, expected a NumPy array"),
    ([1.0], TypeError, r"Swish.forward: `y` is list, expected a NumPy array"),
    (Tensor([1.0]), TypeError, r"Swish.forward: `y` is Tensor, expected a NumPy array"),
    (np.ones(3), TypeError, r"Swish.forward: `y` is float64, expected float32"),
    (np.ones(3, int), TypeError, r"Swish.forward: `y` is int64, expected float32"),
    (np.ones(3, np.float16), TypeError, r"Swish.forward: `y` is float16, expected float32"),
    (np.ones(3, complex), TypeError, r"Swish.forward: `y` is complex128, expected float32"),
])
@pytest.mark.parametrize("recorded", [True, False])
def test_forward_must_return_an_array_of_floats(returned, error, message, recorded):
    with pytest.raises(error, match=message):
        Swish(returned)(Tensor([1.0, 2.0, 3.0], requires_grad=recorded))


@pytest.mark.parametrize("gradient, error, message", [
    (lambda dx: dx, TypeError, r"Swish.backward: returned ndarray, expected a tuple with a gradient \(or None\) for each input"),
    (lambda dx: None, TypeError, r"Swish.backward: returned NoneType, expected a tuple"),
    (lambda dx: (dx, dx), ValueError, r"Swish.backward: returned 2 gradients, expected 1"),
    (lambda dx: (), ValueError, r"Swish.backward: returned 0 gradients, expected 1"),
    (lambda dx: (dx.sum(keepdims=True),), ValueError, r"Swish.backward: `gradient of input 0` has shape \(1,\), expected \(3,\)"),
    (lambda dx: (dx[0],), TypeError, r"Swish.backward: `gradient of input 0` is float32, expected a NumPy array"),
    (lambda dx: (dx.astype(float),), TypeError, r"Swish.backward: `gradient of input 0` is float64, expected float32"),
    (lambda dx: (Tensor(dx),), TypeError, r"Swish.backward: `gradient of input 0` is Tensor, expected a NumPy array"),
])
def test_backward_must_return_a_gradient_for_each_input(gradient, error, message):
    x = leaf(1, 2, 3)
    with pytest.raises(error, match=message):
        Swish(gradient=gradient)(x).sum().backward()
    assert x.grad is None


def test_backward_may_return_a_list_and_none():
    x = leaf(1, 2, 3)
    Swish(gradient=lambda dx: [dx])(x).sum().backward()
    Swish(gradient=lambda dx: (None,))(x).sum().backward()
    assert x.grad is not None


def test_a_recorded_object_is_not_called_again():
    op, x = Swish(), leaf(1, 2)
    first = op(x)
    with pytest.raises(RuntimeError, match="Swish: this object holds the record of an earlier call: make a new Swish for each call"):
        op(x)
    first.sum().backward()
    assert x.grad is not None


@pytest.mark.parametrize("recorded", [True, False])
def test_a_call_that_is_not_recorded_does_not_overwrite_a_record(recorded):
    """Under no_grad, and with inputs that need no gradient."""
    x, other = leaf(-1, -2), Tensor([1.0, 2.0])
    y = ops.relu(x)
    with contextlib.nullcontext() if recorded else mg.no_grad(), pytest.raises(RuntimeError, match="ReLU: this object holds the record"):
        y.op(other if recorded else leaf(1, 2))
    y.sum().backward()
    assert x.grad.tolist() == [0, 0]


def test_an_operation_without_a_rule_says_which_one_is_missing():
    class Doubled(mg.Op):
        def forward(self, x):
            return 2 * x

    with pytest.raises(NotImplementedError, match=r"Doubled has no backward\(\)"):
        Doubled()(leaf(1, 2)).sum().backward()
    with pytest.raises(NotImplementedError, match=r"Op has no forward\(\)"):
        mg.Op()(leaf(1, 2))


def test_an_object_may_be_called_again_when_its_record_is_freed():
    op, x, y = ops.relu(leaf(1)).op, leaf(1, -2), leaf(-3, 4)
    with pytest.raises(RuntimeError, match="holds the record"):
        op(x)
    op.free()
    assert repr(op) == "ReLU (freed)"
    for leaf_tensor in (x, y):
        op(leaf_tensor).sum().backward()
    assert x.grad.tolist() == [1, 0] and y.grad.tolist() == [0, 1]


def test_settings_outlive_a_record_and_what_forward_left_does_not():
    op = Swish()
    op(leaf(1, 2)).sum().backward()
    assert op.freed and op.returned is None and not hasattr(op, "x") and not hasattr(op, "gate") and not hasattr(op, "y")
    attribute = ops.conv.Conv2d(stride=2)
    attribute.free()
    assert attribute.window["stride"] == 2


def test_an_object_may_be_called_often_where_nothing_is_recorded():
    op, x = Swish(), leaf(1, 2)
    with mg.no_grad():
        assert np.array_equal(op(x).data, op(x).data)
    assert np.array_equal(op(Tensor([1.0])).data, op(Tensor([1.0])).data)
    op(x).sum().backward()
    assert x.grad is not None


def test_the_checks_hold_in_a_replay_too():
    x = leaf(1, 2)
    y = Swish()(x)
    y.op.returned = 3.0
    with pytest.raises(TypeError, match="Swish.forward: `y` is float"):
        list(y.tape().replay())


class Square(mg.Op):
    """An operation that keeps what backward reads in a tuple."""

    def forward(self, x):
        self.saved = (x,)
        return x * x

    def backward(self, dy):
        return (2 * self.saved[0] * dy,)


def test_arrays_that_are_kept_in_a_tuple_are_watched_too():
    w = leaf(1, 2, 3)
    loss = Square()(w).sum()
    loss.backward(retain_graph=True)
    mg.optim.SGD([w], lr=0.1).step()
    with pytest.raises(RuntimeError, match=r"Square needs its `saved` \(3,\) as it was when it ran, but SGD.step has written"):
        loss.backward()


def test_what_forward_leaves_in_attributes_is_what_is_kept():
    op = Swish()
    op(leaf(1, 2))
    assert [name for name, _ in op.kept()] == ["x", "gate"]
    conv = ops.conv2d(Tensor(np.ones((1, 2, 2, 1), np.float32)), Tensor(np.ones((1, 1, 1, 1), np.float32), requires_grad=True)).op
    assert [name for name, _ in conv.kept()] == ["x"]  # the gradient of x is not requested, so backward does not read w


@pytest.mark.parametrize("compute, given", [
    (lambda x, i: ops.cross_entropy(x, i, label_smoothing=0.1), np.array([0, 1])),
    (lambda x, i: x[i], np.array([0, 1])),
    (lambda x, i: x[1, i], np.array([0, 1])),
    (lambda x, i: x[i], np.array([[True, False, True], [False, True, False]])),
    (ops.squared_distance, np.ones((2, 3), np.float32)),
    (lambda x, w: ops.cross_entropy(x, np.array([0, 1]), sample_weights=w), np.ones(2, np.float32)),
])
def test_a_given_array_may_be_used_again_before_backward_and_a_replay(compute, given):
    x = leaf([1, 2, 3], [4, 6, 5])
    untouched = compute(x, given.copy()).sum()
    untouched.backward()
    expected, x.grad = x.grad, None
    y = compute(x, given).sum()
    given[:] = 0
    for _ in y.tape().replay():
        pass
    y.backward()
    assert np.array_equal(x.grad, expected) and y.item() == untouched.item()
