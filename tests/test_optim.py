"""The optimizers: their formulas step by step, groups, state, and what they refuse."""

import math

import numpy as np
import pytest

from minigoog import Tensor, nn, optim
from tests.strategies import numbers


def parameter(*values):
    return nn.Parameter(np.array(values, np.float32))


def test_three_steps_follow_the_formula():
    """v = 0.5 v + (dw + 0.1 w); w = w - 0.2 v, by hand in float64."""
    p, w, v = parameter(1, -2), np.array([1.0, -2.0]), np.zeros(2)
    sgd = optim.SGD([p], lr=0.2, momentum=0.5, weight_decay=0.1)
    for dw in ([1, 1], [0, -3], [2, 0.5]):
        p.grad = np.array(dw, np.float32)
        sgd.step()
        v = 0.5 * v + (np.array(dw) + 0.1 * w)
        w = w - 0.2 * v
    assert np.allclose(p.data, w, rtol=1e-6)


def test_nesterovs_step_looks_ahead():
    """v = 0.5 v + (dw + 0.1 w); w = w - 0.2 (dw + 0.1 w + 0.5 v), by hand in float64."""
    p, w, v = parameter(1, -2), np.array([1.0, -2.0]), np.zeros(2)
    sgd = optim.SGD([p], lr=0.2, momentum=0.5, weight_decay=0.1, nesterov=True)
    for dw in ([1, 1], [0, -3], [2, 0.5]):
        p.grad = np.array(dw, np.float32)
        sgd.step()
        slope = np.array(dw) + 0.1 * w
        v = 0.5 * v + slope
        w = w - 0.2 * (slope + 0.5 * v)
    assert np.allclose(p.data, w, rtol=1e-6)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("make", [lambda p: optim.SGD([p], 0.1, 0.9), lambda p: optim.Adam([p]), lambda p: optim.Adagrad([p], 0.1)])
def test_a_parameter_of_one_value_is_trained_though_its_gradient_arrives_twice(make, masked):
    p = nn.Parameter(np.array(2.0, np.float32))
    p.mask = np.array(True) if masked else None
    optimizer = make(p)
    (p * p + p).backward()
    (p * 3.0).backward()
    assert isinstance(p.grad, np.ndarray) and p.grad == 2 * 2 + 1 + 3
    optim.clip_grad_norm_([p], 1.0)
    optimizer.step()
    assert p.item() < 2


def test_a_parameter_without_a_gradient_is_left_alone():
    p, q = parameter(1), parameter(1)
    p.grad = np.ones(1, np.float32)
    optim.SGD([p, q], lr=0.5, weight_decay=0.1).step()
    assert p.data[0] != 1 and q.data[0] == 1


def test_the_learning_rate_may_change_between_steps():
    p = parameter(1)
    sgd = optim.SGD([p], lr=0.5)
    p.grad = np.ones(1, np.float32)
    sgd.step()
    sgd.lr = 0.25
    sgd.step()
    assert p.data[0] == 0.25
    sgd.lr = float("nan")
    with pytest.raises(ValueError, match="`lr` is nan, expected a finite number"):
        sgd.step()
    assert p.data[0] == 0.25


def test_zero_grad_forgets_all_gradients():
    p = parameter(1)
    p.grad = np.ones(1, np.float32)
    optim.SGD([p], lr=1).zero_grad()
    assert p.grad is None


def test_parameters_may_come_from_a_generator_and_keep_their_array():
    p = parameter(1)
    array = p.data
    sgd = optim.SGD((q for q in [p]), lr=1)
    p.grad = np.ones(1, np.float32)
    sgd.step()
    assert p.data is array and array[0] == 0


@pytest.mark.parametrize("settings, message", [
    ({"lr": float("nan")}, "`lr` is nan"), ({"lr": float("inf")}, "`lr` is inf"), ({"lr": -1}, "`lr` is -1"),
    ({"lr": None}, "`lr` is None"),
    ({"lr": 0.1, "momentum": -0.9}, "`momentum` is -0.9"), ({"lr": 0.1, "weight_decay": float("inf")}, "`weight_decay` is inf")])
def test_settings_that_are_not_finite_numbers_are_refused_by_name(settings, message):
    with pytest.raises((TypeError, ValueError), match=f"SGD: {message}"):
        optim.SGD([parameter(1)], **settings)


def test_no_parameters_are_refused():
    with pytest.raises(ValueError, match="`params` is empty"):
        optim.SGD([], lr=0.1)


def test_a_quadratic_is_minimised():
    p = parameter(5, -3)
    sgd = optim.SGD([p], lr=0.1, momentum=0.5)
    for _ in range(200):
        sgd.zero_grad()
        (p * p).sum().backward()
        sgd.step()
    assert np.all(np.abs(p.data) < 1e-6)


def test_a_gradient_of_another_type_is_refused_by_name():
    p = parameter(1)
    p.grad = np.ones(1)
    with pytest.raises(TypeError, match="`dw` is float64, expected float32"):
        optim.SGD([p], lr=1).step()
    assert isinstance(p, Tensor) and p.data[0] == 1


def test_biases_can_be_left_out_of_the_weight_decay():
    matrix, bias = nn.Parameter(np.ones((1, 1), np.float32)), parameter(1)
    matrix.grad, bias.grad = np.zeros((1, 1), np.float32), np.zeros(1, np.float32)
    optim.SGD([matrix, bias], lr=1.0, weight_decay=0.25, decay_vectors=False).step()
    assert matrix.data[0, 0] == 0.75 and bias.data[0] == 1


def test_the_running_average_follows_its_formula():
    """d = min(0.5, (1 + t) / (10 + t)): 0.1, 2/11, ... up to 0.5."""
    weights = {"a": np.array([0.0, 8.0], np.float32)}
    average, expected = optim.PolyakAverage(weights, 0.5), np.array([0.0, 8.0])
    for t in range(12):
        weights["a"] += 1
        average.step()
        d = min(0.5, (1 + t) / (10 + t))
        expected = d * expected + (1 - d) * weights["a"]
        assert np.allclose(average.averages["a"], expected, rtol=1e-6)
    assert average.averages["a"] is not weights["a"] and average.steps == 12


def test_clipping_scales_all_gradients_by_one_factor():
    p, q, unused = parameter(0, 0), parameter(0), parameter(0)
    p.grad, q.grad = np.array([3, 0], np.float32), np.array([4], np.float32)
    assert optim.gradient_norm([p, q, unused]) == 5
    assert optim.clip_grad_norm_([p, q, unused], 10) == 5 and p.grad[0] == 3
    assert optim.clip_grad_norm_([p, q, unused], math.inf) == 5 and p.grad[0] == 3
    assert optim.clip_grad_norm_([p, q, unused], 2.5) == 5
    assert np.allclose(p.grad, [1.5, 0]) and np.allclose(q.grad, 2) and unused.grad is None


def test_clipping_takes_one_parameter_too():
    p = parameter([0.0, 0.0], [0.0, 0.0])
    p.grad = np.full((2, 2), 4, np.float32)
    assert optim.gradient_norm(p) == 8 and optim.clip_grad_norm_(p, 4) == 8 and np.allclose(p.grad, 2)


GRADIENTS = numbers(7, (25, 3))
KINDS = {"SGD": lambda params: optim.SGD(params, lr=0.1, momentum=0.9), "Adam": optim.Adam, "AdamW": optim.AdamW}


@pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)
def test_groups_of_parameters_have_settings_of_their_own(make):
    p, q, alone = parameter(1), parameter(1), parameter(1)
    optimizer = make([{"params": [p]}, {"params": q, "lr": 0.25, "weight_decay": 0.5}])
    single = make([alone])
    for tensor in (p, q, alone):
        tensor.grad = np.ones(1, np.float32)
    optimizer.step()
    single.step()
    assert p.data[0] == alone.data[0] and q.data[0] != alone.data[0]
    assert [group["lr"] for group in optimizer.param_groups] == [single.lr, 0.25]
    assert optimizer.param_groups[1]["weight_decay"] == 0.5 and optimizer.param_groups[0]["params"] == [p]
    optimizer.lr = 0.125
    assert [group["lr"] for group in optimizer.param_groups] == [0.125, 0.125]


def test_a_groups_setting_may_change_between_steps():
    p, q = parameter(1), parameter(1)
    sgd = optim.SGD([{"params": [p]}, {"params": [q]}], lr=0.5)
    sgd.param_groups[1]["lr"] = 0.25
    p.grad = q.grad = np.ones(1, np.float32)
    sgd.step()
    assert p.data[0] == 0.5 and q.data[0] == 0.75
    sgd.param_groups[1]["momentum"] = -1
    with pytest.raises(ValueError, match="SGD: `momentum` is -1"):
        sgd.step()
    assert p.data[0] == 0.5 and q.data[0] == 0.75


def test_parameters_can_be_added_in_a_group_later():
    p, q = parameter(1), parameter(1)
    sgd = optim.SGD([p], lr=0.5, momentum=0.5)
    sgd.add_param_group({"params": [q], "lr": 1.0})
    q.grad = np.ones(1, np.float32)
    sgd.step()
    assert q.data[0] == 0 and sgd.parameters == [p, q] and len(sgd.velocities) == 2


BAD_PARAMS = {
    "a tensor": (lambda p: p, "`params` is Parameter, expected a list of Tensors"), "nothing": (lambda p: None, "`params` is NoneType"),
    "a module": (lambda p: nn.Linear(1, 1), r"`params` is Linear, expected a list of Tensors: model.parameters\(\)"),
    "a string": (lambda p: "p", "`params` is str"), "no list in a group": (lambda p: [{"params": 3}], "`params` is int, expected a list"),
    "arrays": (lambda p: [p.data], "`params` has ndarray, expected Tensors"),
    "twice": (lambda p: [p, p], "`params` has a parameter twice"),
    "in two groups": (lambda p: [{"params": [p]}, {"params": [p]}], "`params` has a parameter twice"),
    "an unknown setting": (lambda p: [{"params": [p], "learning_rate": 1}], "a group has `learning_rate`, expected lr, betas, eps"),
    "a group without parameters": (lambda p: [{"lr": 1}], "expected a dict with `params`"),
}


@pytest.mark.parametrize("make, message", BAD_PARAMS.values(), ids=BAD_PARAMS)
def test_anything_but_parameters_is_refused(make, message):
    with pytest.raises((TypeError, ValueError), match=f"Adam: .*{message}"):
        optim.Adam(make(parameter(1)))


def test_a_parameter_that_is_put_into_a_group_by_hand_is_refused_before_anything_moves():
    p, late = parameter(1), parameter(1)
    p.grad = late.grad = np.ones(1, np.float32)
    optimizer = optim.SGD([p], lr=0.1)
    optimizer.param_groups[0]["params"].append(late)
    with pytest.raises(ValueError, match="SGD.step: the groups have 2 parameters, expected 1: use add_param_group"):
        optimizer.step()
    assert p.data[0] == late.data[0] == 1


@pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)
def test_an_optimizer_that_loads_a_state_resumes_bit_exactly(make):
    def steps(p, optimizer, gradients):
        for dw in gradients:
            p.grad = dw.copy()
            optimizer.step()

    whole, first = parameter(1, -2, 3), parameter(1, -2, 3)
    steps(whole, make([whole]), GRADIENTS)
    before = make([first])
    steps(first, before, GRADIENTS[:10])
    second = nn.Parameter(first.data.copy())
    after = make([{"params": [second], "lr": 7.0}])
    after.load_state_dict(before.state_dict())
    steps(first, before, GRADIENTS[10:15])  # what was loaded is a copy
    steps(second, after, GRADIENTS[10:])
    assert np.array_equal(second.data, whole.data)


def test_a_state_dict_names_parameters_by_number():
    p, q = parameter(1), parameter(2, 3)
    state = optim.SGD([{"params": [p]}, {"params": [q], "lr": 0.5}], lr=0.1).state_dict()
    assert [group["params"] for group in state["param_groups"]] == [[0], [1]] and state["param_groups"][1]["lr"] == 0.5
    assert {i: entry["momentum_buffer"].shape for i, entry in state["state"].items()} == {0: (1,), 1: (2,)}


def test_a_state_of_other_parameters_is_refused_and_changes_nothing():
    p = parameter(1)
    sgd = optim.SGD([p], lr=0.1)
    with pytest.raises(ValueError, match="SGD.load_state_dict: `state_dict` has other groups"):
        sgd.load_state_dict(optim.SGD([parameter(1), parameter(2)], lr=9).state_dict())
    with pytest.raises(ValueError, match=r"SGD.load_state_dict: parameter 0 has the state .*\(2,\).*, expected .*\(1,\)"):
        sgd.load_state_dict(optim.SGD([parameter(1, 2)], lr=9).state_dict())
    with pytest.raises(ValueError, match="parameter 0 has the state .*exp_avg.*, expected .*momentum_buffer"):
        sgd.load_state_dict(optim.Adam([parameter(1)], lr=9).state_dict())
    assert sgd.lr == 0.1


@pytest.mark.parametrize("changes, message", [
    ({"param_groups": [{"params": [0]}]}, r"`param_groups\[0\]` has no `lr`"),
    ({"param_groups": [{"lr": 1.0}]}, r"`param_groups\[0\]` has no `params`"),
    ({"param_groups": 5}, "`param_groups` is int, expected a list"), ({"param_groups": [5]}, r"`param_groups\[0\]` is int, expected"),
    ({"state": 5}, "`state` is int, expected a dict"), ({"state": {0: None}}, r"`state\[0\]` is NoneType, expected a dict"),
])  # fmt: skip
def test_a_state_of_another_form_is_refused_by_what_is_missing(changes, message):
    adam = optim.Adam([parameter(1)])
    with pytest.raises((TypeError, ValueError), match=f"Adam.load_state_dict: {message}"):
        adam.load_state_dict(adam.state_dict() | changes)


def test_an_optimizer_of_ones_own_gets_its_settings_in_each_step():
    class Sign(optim.Optimizer):
        def __init__(self, params, lr):
            super().__init__(params, {"lr": lr, "scale": [2]})

        def new_state(self, p):
            return {"steps": 0}

        def update(self, p, grad, state, settings):
            state["steps"] += 1
            p.data -= settings["lr"] * settings["scale"][0] * np.sign(grad)

    p, q = parameter(1, 1), parameter(1)
    sign = Sign([{"params": [p]}, {"params": [q], "scale": [4]}], lr=0.25)
    p.grad, q.grad = np.array([3, -5], np.float32), np.ones(1, np.float32)
    sign.step()
    assert p.data.tolist() == [0.5, 1.5] and q.data.tolist() == [0] and [s["steps"] for s in sign.state] == [1, 1]
