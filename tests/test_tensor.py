"""Tensor: what it takes, what it says, its operators."""

import operator

import numpy as np
import pytest

import minigoog as mg
from minigoog import Tensor, nn, ops


@pytest.mark.parametrize("data, dtype", [
    ([1, 2], np.float32), (3, np.float32), (2.5, np.float32), (np.arange(3), np.float32), (np.array([True]), np.float32),
    (np.ones(2, np.float32), np.float32), (np.ones(2), np.float64), (np.float64(1), np.float64), (np.float32(1), np.float32)], ids=repr)
def test_lists_and_integers_become_float32_and_float_arrays_stay(data, dtype):
    assert Tensor(data).dtype == dtype


def test_an_array_of_floats_is_not_copied():
    a = np.ones(3, np.float32)
    assert Tensor(a).data is a and Tensor(a).numpy() is a and Tensor(a).detach().data is a


@pytest.mark.parametrize("data", ["x", None, [None], np.array(["a"]), np.ones(2, np.float16), np.ones(2, complex), [[1], [2, 3]]], ids=repr)
def test_other_data_are_refused(data):
    with pytest.raises((TypeError, ValueError)):
        Tensor(data)


def test_a_tensor_of_a_tensor_is_refused_with_what_to_do():
    with pytest.raises(TypeError, match="detach"):
        Tensor(Tensor([1]))


def test_shape_ndim_size_len_and_item():
    x = Tensor(np.zeros((2, 3), np.float32))
    assert (x.shape, x.ndim, x.size, len(x)) == ((2, 3), 2, 6, 2)
    assert Tensor(7).item() == 7
    with pytest.raises(ValueError):
        x.item()


def test_repr_shows_values_and_history():
    x = Tensor([1.0, -2.0], requires_grad=True)
    assert repr(x) == "Tensor([ 1. -2.], requires_grad=True)"
    assert repr(x * 2.0) == "Tensor([ 2. -4.], op=Scale)"
    assert repr(Tensor([1.0])) == "Tensor([1.])"


OPERATORS = {
    "a + b": lambda a, b: a + b, "b - a": lambda a, b: b - a, "a * b": lambda a, b: a * b, "a / b": lambda a, b: a / b,
    "a + 1": lambda a, b: a + 1, "1 + a": lambda a, b: 1 + a, "a - 1": lambda a, b: a - 1, "1 - a": lambda a, b: 1 - a,
    "a * 2": lambda a, b: a * 2, "2 * a": lambda a, b: 2 * a, "a / 2": lambda a, b: a / 2, "3 / a": lambda a, b: 3 / a,
    "-a": lambda a, b: -a, "a ** 2": lambda a, b: a**2, "a ** 0": lambda a, b: a**0, "a ** 0.5": lambda a, b: a**0.5,
    "a ** -1.5": lambda a, b: a**-1.5, "sum([a, b, a])": lambda a, b: sum([a, b, a]),
    "float32 * a": lambda a, b: np.float32(2) * a, "a * float64": lambda a, b: a * np.float64(2),
    "a + int64": lambda a, b: a + np.int64(2), "float64 - a": lambda a, b: np.float64(2) - a,
    "a @ b.T": lambda a, b: a @ b.reshape(3, 2), "a[0]": lambda a, b: a[0], "a[-1, 2]": lambda a, b: a[-1, 2],
    "a[:, 1:]": lambda a, b: a[:, 1:], "a[..., ::-2]": lambda a, b: a[..., ::-2], "a[[1, 0, 1]]": lambda a, b: a[[1, 0, 1]],
    "a[a > 2.5]": lambda a, b: a[np.asarray(a) > 2.5], "a[None]": lambda a, b: a[None],
}  # fmt: skip


@pytest.mark.parametrize("function", OPERATORS.values(), ids=OPERATORS)
def test_an_operator_computes_what_numpy_computes_and_its_gradient_is_right(function):
    a, b = (np.array(values, np.float32).reshape(2, 3) for values in ([1, 2, 3, 4, 5, 6], [3, 5, 1, 2, 7, 4]))
    y = function(Tensor(a, requires_grad=True), Tensor(b, requires_grad=True))
    assert isinstance(y, Tensor) and y.dtype == np.float32 and y.op is not None
    assert np.allclose(y.data, function(a, b), rtol=1e-6)
    assert mg.gradcheck(function, [a.astype(float), b.astype(float)])


def test_sum_mean_and_reshape():
    a = Tensor([[1.0, 2.0], [3.0, 6.0]], requires_grad=True)
    assert (a.sum().item(), a.mean().item(), a.mean().shape) == (12, 3, ())
    a.mean().backward()
    assert a.grad.tolist() == [[0.25, 0.25], [0.25, 0.25]]
    assert a.reshape(4, 1).shape == a.reshape((4, 1)).shape == a.reshape([4, 1]).shape == (4, 1)
    with pytest.raises(ValueError, match=r"mean: `x` has shape \(0,\), expected values"):
        Tensor(np.ones(0, np.float32)).mean()


@pytest.mark.parametrize("shape", [(-1,), (2, -1), (-1, 4), (2, -1, 3), (12, -1), (1, 12)])
def test_one_length_of_a_shape_may_be_left_out(shape):
    x = Tensor(np.arange(12, dtype=np.float32).reshape(2, 2, 3), requires_grad=True)
    for y in (x.reshape(*shape), x.reshape(shape), ops.reshape(x, shape)):
        assert np.array_equal(y.data, x.data.reshape(shape)) and -1 not in y.op.shape
    x.reshape(shape).sum().backward()
    assert x.grad.shape == x.shape
    assert ops.reshape(x, -1).shape == (12,) and Tensor(np.zeros((0, 3), np.float32)).reshape(-1, 3).shape == (0, 3)


@pytest.mark.parametrize("shape", [(-1, -1), (-1, 5), (-2, 6), (0, -1), (-1, -12), ()])
def test_a_shape_that_does_not_fit_is_refused(shape):
    x = Tensor(np.zeros((3, 4), np.float32))
    with pytest.raises(ValueError, match=r"reshape: `shape` is \(.*but `x` has shape \(3, 4\)"):
        x.reshape(shape)


def test_flatten_makes_one_axis_of_those_from_start_dim_on():
    x = Tensor(np.arange(24, dtype=np.float32).reshape(2, 3, 2, 2))
    shapes = [x.flatten().shape, x.flatten(1).shape, x.flatten(2).shape, ops.flatten(x).shape, ops.flatten(x, 3).shape]
    assert shapes == [(24,), (2, 12), (2, 3, 4), (2, 12), (2, 3, 2, 2)]
    assert nn.Flatten(2)(x).shape == (2, 3, 4) and nn.Flatten()(x).shape == (2, 12) and Tensor(1.0).flatten().shape == (1,)
    with pytest.raises(ValueError, match="flatten: `start_dim` is 5, expected at most 4"):
        x.flatten(5)
    with pytest.raises(ValueError, match="flatten: `start_dim` is 1, expected at most 0"):
        ops.flatten(Tensor(1.0))


def test_a_value_that_is_chosen_twice_gets_both_gradients():
    x = Tensor([1.0, 2.0], requires_grad=True)
    x[[0, 0, 1]].sum().backward()
    assert x.grad.tolist() == [2, 1]


def test_what_is_indexed_is_a_copy_that_kernels_take():
    x = Tensor(np.arange(32, dtype=np.float32).reshape(1, 4, 4, 2))
    part = x[:, ::2, ::-1]
    assert not np.shares_memory(part.data, x.data) and ops.relu(part).data.tolist() == x.data[:, ::2, ::-1].tolist()


def test_a_tensor_is_iterated_and_unpacked_along_its_first_axis():
    x = Tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    first, second = x
    assert [row.data.tolist() for row in x] == [[1, 2], [3, 4]] and second.op is not None
    (first * second).sum().backward()
    assert x.grad.tolist() == [[3, 4], [1, 2]]
    with pytest.raises(TypeError):
        iter(x.sum()).__next__()


def test_numpy_and_python_read_a_tensors_values():
    x = Tensor([1.0, 2.0], requires_grad=True)
    assert np.asarray(x) is x.data
    assert not np.shares_memory(np.array(x), x.data)
    assert np.asarray(x, np.float64).dtype == np.float64
    assert np.allclose(x, [1, 2]) and np.stack([x, x]).shape == (2, 2)
    assert (float(x.sum()), bool(x.sum()), f"{float(x.mean()):.1f}") == (3.0, True, "1.5")
    if np.lib.NumpyVersion(np.__version__) >= "2.0.0":
        with pytest.raises(ValueError):
            np.asarray(x, np.float64, copy=False)
    for wrong in (float, bool):
        with pytest.raises((ValueError, TypeError)):
            wrong(x)


def test_a_tensor_is_equal_to_itself_only_and_found_in_lists_and_dicts():
    x, y = Tensor([1.0, 2.0]), Tensor([1.0, 2.0])
    assert x == x and x != y and y != x and x != None and x != "x"  # noqa: E711, PLR0124
    assert x in [y, x] and [y, x].index(x) == 1 and {x: 1, y: 2}[y] == 2 and len({x, y, nn.Parameter(y)}) == 3


@pytest.mark.parametrize("other", [1, 1.0, True, np.float32(1), np.ones(2, np.float32), [1.0, 2.0], (1.0, 2.0)], ids=repr)
@pytest.mark.parametrize("compared", [lambda a, b: a == b, lambda a, b: b == a, lambda a, b: a != b, lambda a, b: b != a])
def test_values_are_not_compared_silently(compared, other):
    with pytest.raises(TypeError, match=r"Tensor: == with .* does not compare values, use x\.data == "):
        compared(Tensor([1.0, 2.0]), other)
    with pytest.raises(TypeError, match="Tensor: `in` does not compare values"):
        assert 1.0 in Tensor([1.0, 2.0])


@pytest.mark.parametrize("name", ["iadd", "isub", "imul", "itruediv", "ipow", "imatmul"])
def test_an_operator_that_would_have_to_change_a_parameter_is_refused(name):
    p = Tensor([1.0, 2.0], requires_grad=True)
    with mg.no_grad(), pytest.raises(TypeError, match=r"Tensor: \+= and the like do not change a parameter, use x\.data \+= "):
        getattr(operator, name)(p, 0.0)


def test_losses_are_added_up_in_a_loop():
    p, total = Tensor([1.0, 2.0], requires_grad=True), 0
    for factor in (1.0, 2.0, 3.0):
        total += (p * factor).sum()
    total *= 2.0
    total.backward()
    assert total.item() == 36 and p.grad.tolist() == [12, 12]


@pytest.mark.parametrize("call, message", [
    (lambda x: x + np.ones(2, np.float32), r"add: `b` is an array of shape \(2,\), expected a number or a Tensor"),
    (lambda x: x * "a", "`b` is 'a', expected a number"), (lambda x: x * None, "`b` is None, expected a number"),
    (lambda x: x + None, "add: `b` is None, expected a number"), (lambda x: "a" - x, "sub: `a` is 'a', expected a number"),
    (lambda x: np.ones(2, np.float32) * x, "mul: `b` is an array"),
    (lambda x: np.ones(2, np.float32) / x, "div: `a` is an array"),
    (lambda x: np.exp(x), "Tensor"),
    (lambda x: x + Tensor([1.0, 2.0, 3.0]), r"`b` has shape \(3,\), expected \(2,\)"),
    (lambda x: x * Tensor([[1.0, 2.0, 3.0]]), r"mul: `b` has shape \(1, 3\), expected \(2,\), but for axes of length 1"),
    (lambda x: x * float("nan"), "`b` is nan, expected a finite number"),
    (lambda x: x + Tensor(np.ones(2)), "`b` is float64, expected float32"),
    (lambda x: x / 0, "div: `b` is 0"), (lambda x: x**x, "power: `exponent` is .*, expected a number"),
    (lambda x: x @ x, "linear: `x` has 1 axes"), (lambda x: x[x], "index: `index` is a Tensor"),
    (lambda x: x[2], "index 2 is out of bounds"),
    (lambda x: x.reshape(3), r"`shape` is \(3,\).*`x` has shape \(2,\)")])
def test_operands_that_do_not_fit_are_refused_by_name(call, message):
    with pytest.raises((TypeError, ValueError, IndexError), match=message):
        call(Tensor([1.0, 2.0]))


def test_a_tensor_of_one_value_is_formatted_as_that_number():
    loss = Tensor([[1.5]], requires_grad=True).sum()
    assert f"{loss:.3f} {loss:>6.1f}" == "1.500    1.5" and f"{loss}" == repr(loss) == "Tensor(1.5, op=Sum)"
    with pytest.raises(ValueError, match="format code"):
        f"{Tensor([1.0, 2.0]):.3f}"


def test_a_tensor_has_no_attributes_but_its_own():
    with pytest.raises(AttributeError):
        Tensor([1.0]).gard = 3
