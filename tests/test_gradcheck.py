"""The gradient checker, checked: it passes what is right, finds what is planted, and puts everything back."""

import numpy as np
import pytest

import minigoog as mg
from minigoog import Tensor, gradcheck, kernels, ops
from minigoog.op import Op
from minigoog.ops.arithmetic import Power


class Planted(Op):
    """y = a * b, whose backward is off by `off` at the flat position `at` of input `which`."""

    def __init__(self, which, at, off):
        self.which, self.at, self.off = which, at, off

    def forward(self, a, b):
        self.a, self.b = a, b
        return a * b

    def backward(self, dy):
        dxs = [dy * self.b, dy * self.a]
        dxs[self.which].flat[self.at] += self.off
        return tuple(dxs)


def inputs(*shapes):
    return [np.random.default_rng(i).uniform(0.5, 2, shape) for i, shape in enumerate(shapes)]


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("at", range(6))
def test_a_wrong_backward_is_found_in_every_position_and_named(which, at):
    index = list(np.unravel_index(at, (2, 3)))
    with pytest.raises(mg.GradcheckError) as error:
        gradcheck(lambda a, b: ops.relu(Planted(which, at, 1e-3)(a, b)).sum(), inputs((2, 3), (2, 3)))
    text = str(error.value).replace("np.int64(", "").replace(")", "")
    assert "Planted" in text and f"input {which}" in text and str([int(i) for i in index]) in text


def test_a_right_backward_passes():
    assert gradcheck(lambda a, b: Planted(0, 0, 0.0)(a, b).sum(), inputs((2, 3), (2, 3))) is True


def test_a_small_relative_error_is_found():
    with pytest.raises(mg.GradcheckError):
        gradcheck(lambda a, b: Planted(0, 3, 1e-4)(a, b), inputs((2, 3), (2, 3)))


def test_a_gradient_that_is_missing_is_found():
    class Forgetful(Op):
        def forward(self, a, b):
            self.b = b
            return a * b

        def backward(self, dy):
            return dy * self.b, None

    with pytest.raises(mg.GradcheckError, match=r"input 1"):
        gradcheck(lambda a, b: Forgetful()(a, b).sum(), inputs((2,), (2,)))


def test_the_kink_of_relu_is_named():
    with pytest.raises(mg.GradcheckError, match=r"input 0 \[1\].*kink.*ReLU"):
        gradcheck(lambda x: ops.relu(x).sum(), [np.array([1.0, 0.0, -1.0])])


def test_the_kink_of_a_fused_relu_is_named():
    with pytest.raises(mg.GradcheckError, match=r"kink.*Conv2d"):
        gradcheck(lambda x, w: ops.conv2d(x, w, relu=True), [np.array([1.0, -1.0]).reshape(1, 1, 1, 2), np.ones((1, 1, 2, 1))])
    with pytest.raises(mg.GradcheckError, match=r"kink.*Linear"):
        gradcheck(lambda x, w: ops.linear(x, w, relu=True), [np.array([[1.0, -1.0]]), np.ones((2, 1))])


def test_a_tie_in_a_max_pool_is_named():
    with pytest.raises(mg.GradcheckError, match=r"kink.*MaxPool2d"):
        gradcheck(lambda x: ops.max_pool2d(x, 2), [np.array([1.0, 3.0, 3.0, 2.0]).reshape(1, 2, 2, 1)])


def test_a_result_without_a_recorded_operation_is_refused():
    with pytest.raises(mg.GradcheckError, match="does not depend on any input"):
        gradcheck(lambda x: Tensor(x.data * 2), [np.ones(2)])


def test_gradients_are_checked_within_no_grad_too():
    with mg.no_grad():
        assert gradcheck(mg.nn.Linear(2, 2), inputs((1, 2)))
        with pytest.raises(mg.GradcheckError, match="Planted"):
            gradcheck(lambda a, b: Planted(0, 0, 0.1)(a, b), inputs((2,), (2,)))


@pytest.mark.parametrize("setting", ["eps", "atol", "rtol"])
def test_settings_that_are_no_numbers_are_refused_by_name(setting):
    with pytest.raises(ValueError, match=f"`{setting}` is nan"):
        gradcheck(lambda x: x * 2.0, [np.ones(2)], **{setting: float("nan")})
    with pytest.raises(ValueError, match="`eps` is 0"):
        gradcheck(lambda x: x * 2.0, [np.ones(2)], eps=0)


@pytest.mark.parametrize("setting, value", [*(("samples", value) for value in (0, -1, 2.5, True, "a")), ("seed", -1), ("seed", "a")])
def test_numbers_of_samples_and_seeds_that_mean_nothing_are_refused_by_name(setting, value):
    with pytest.raises((TypeError, ValueError), match=f"gradcheck: `{setting}` is {value!r}, expected"):
        gradcheck(lambda x: x * 2.0, [np.ones(2)], **{setting: value})


@pytest.mark.parametrize("fails", [False, True])
def test_tensors_and_kernels_are_put_back_as_they_were(fails):
    before = kernels.backend
    x, p = Tensor(np.ones((2, 3), np.float32)), mg.nn.Parameter(np.ones((2, 3), np.float32))
    p.grad = np.full((2, 3), 7, np.float32)
    data = [x.data, p.data, p.grad]

    def run():
        return gradcheck(lambda a: Planted(0, 0, float(fails))(a, p).sum(), [x], [p])

    if fails:
        with pytest.raises(mg.GradcheckError):
            run()
    else:
        run()
    assert all(a is b for a, b in zip(data, [x.data, p.data, p.grad], strict=True))
    assert x.grad is None and not x.requires_grad and p.requires_grad and np.all(p.grad == 7) and np.all(p.data == 1)
    assert kernels.backend == before


def test_tensors_are_put_back_when_the_function_itself_fails():
    x = Tensor(np.ones(2, np.float32))
    with pytest.raises(ZeroDivisionError):
        gradcheck(lambda a: 1 / 0, [x])
    assert x.dtype == np.float32 and not x.requires_grad


def test_parameters_are_checked_too_and_named():
    p = mg.nn.Parameter(np.full((2, 2), 1.5, np.float32))
    with pytest.raises(mg.GradcheckError, match=r"Planted|parameter 0"):
        gradcheck(lambda a: Planted(1, 2, 0.1)(a, p), [np.ones((2, 2))], [p])


def test_samples_limit_the_work():
    calls = []

    def function(x):
        calls.append(1)
        return (x * x).sum()

    assert gradcheck(function, [np.ones((30, 30))], samples=5)
    assert len(calls) <= 11  # one forward, two for each sample


class Wrong(Power):
    """Its gradient is twice the right one."""

    def backward(self, dy):
        return (2 * super().backward(dy)[0],)


def test_an_operation_is_checked_as_it_is_and_has_no_record_afterwards():
    op = Power(3)
    assert gradcheck(op, [np.array([1.0, 2.0])]) and op.inputs == ()
    with pytest.raises(mg.GradcheckError, match="The cause is the operation Wrong"):
        gradcheck(Wrong(3), [np.array([1.0, 2.0])])


class Scale(mg.nn.Module):
    """Multiplies by its parameter, whose gradient is off by `off`."""

    def __init__(self, off):
        super().__init__()
        self.factor = mg.nn.Parameter(np.full((2, 2), 1.1, np.float32))
        self.off = off

    def forward(self, x):
        return Planted(1, 2, self.off)(x, self.factor)


def test_the_parameters_of_a_module_are_checked_without_being_named():
    assert gradcheck(Scale(0.0), inputs((2, 2)))
    with pytest.raises(mg.GradcheckError, match="Planted"):
        gradcheck(Scale(0.1), inputs((2, 2)))


def test_pruned_weights_are_left_out_and_the_others_are_checked():
    mg.manual_seed(0)
    assert gradcheck(mg.nn.prune(mg.nn.Linear(4, 3), 0.5), inputs((2, 4)))
    assert gradcheck(mg.nn.prune(mg.nn.Linear(4, 3), 0.0), inputs((2, 4)), samples=3)
    scale = Scale(0.1)  # wrong at [1, 0]
    scale.factor.mask = np.array([[True, False], [True, False]])
    with pytest.raises(mg.GradcheckError, match=r"parameter 0 \[1, 0\]"):
        gradcheck(scale, inputs((2, 2)))
