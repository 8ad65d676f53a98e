"""Tensor: what it takes, what it says, its operators."""

import numpy as np
import pytest

from minigoog import Tensor


@pytest.mark.parametrize("data, dtype", [
    ([1, 2], np.float32), (3, np.float32), (2.5, np.float32), (np.arange(3), np.float32), (np.array([True]), np.float32),
    (np.ones(2, np.float32), np.float32), (np.ones(2), np.float64), (np.float64(1), np.float64), (np.float32(1), np.float32)], ids=repr)
def test_lists_and_whole_numbers_become_float32_and_float_arrays_stay(data, dtype):
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


def test_operators_do_what_they_say():
    a, b = Tensor([1.0, 2.0]), Tensor([3.0, 5.0])
    for y, expected in ((a + b, [4, 7]), (b - a, [2, 3]), (a * b, [3, 10]), (a * 2, [2, 4]), (2 * a, [2, 4]), (-a, [-1, -2]),
                        (np.float32(2) * a, [2, 4]), (a * np.float64(2), [2, 4])):
        assert isinstance(y, Tensor) and y.dtype == np.float32 and y.data.tolist() == expected
    assert a.sum().item() == 3 and a.reshape(2, 1).shape == a.reshape((2, 1)).shape == (2, 1)


@pytest.mark.parametrize("call, message", [
    (lambda x: x + 1, "Add: input 1 is int, expected a Tensor"), (lambda x: x + np.ones(2, np.float32), "expected a Tensor"),
    (lambda x: x * "a", "`b` is 'a', expected a number"), (lambda x: x * None, "`b` is None, expected a number"),
    (lambda x: np.ones(2, np.float32) * x, "mul: `b` is array"),
    (lambda x: x + Tensor([1.0, 2.0, 3.0]), r"`b` has shape \(3,\), expected \(2,\)"),
    (lambda x: x * Tensor([1.0]), r"`b` has shape \(1,\), expected \(2,\)"), (lambda x: x * float("nan"), "`b` is nan, expected it finite"),
    (lambda x: x + Tensor(np.ones(2)), "`b` is float64, expected float32"),
    (lambda x: x.reshape(3), r"`shape` is \(3,\).*`x` has shape \(2,\)")])
def test_operands_that_do_not_fit_are_refused_by_name(call, message):
    with pytest.raises((TypeError, ValueError), match=message):
        call(Tensor([1.0, 2.0]))


def test_a_tensor_has_no_attributes_but_its_own():
    with pytest.raises(AttributeError):
        Tensor([1.0]).gard = 3
