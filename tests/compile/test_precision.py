"""`precision="auto"`: the fastest format that loses little enough, by rule or by trials."""

import numpy as np
import pytest

import minigoog as mg
from minigoog import kernels
from minigoog.compile import precision
from tests.compile.narrow_networks import Narrow, images

SHAPE = (2, 32, 32, 3)


@pytest.fixture
def with_instructions(monkeypatch):
    for module in (kernels.native.int8, kernels.native.bf16):
        monkeypatch.setattr(module, "has_dot", lambda m: True)


def chosen(monkeypatch, losses, **settings):
    """The precision of the plan where these formats lose so much."""
    monkeypatch.setattr(precision, "loss", lambda plan, exact, images: losses[plan.recipe.precision])
    return mg.compile(Narrow(), SHAPE, precision="auto", calibrate=images(), **settings)


@pytest.mark.parametrize(("int8", "bf16", "bound", "expected"), [
    (0.0, 0.0, 0.0, "int8"), (0.02, 0.0, 0.01, "bf16"), (0.02, 0.02, 0.01, "float32"), (0.02, 0.5, 0.02, "int8"),
])  # fmt: skip
def test_auto_takes_the_shortest_format_whose_loss_stays_below_the_bound(monkeypatch, with_instructions, int8, bf16, bound, expected):
    plan = chosen(monkeypatch, {"int8": int8, "bf16": bf16}, max_loss=bound)
    assert plan.recipe.precision == expected
    assert repr(plan).splitlines()[-1]== (
        f"{expected}: chosen for a loss of at most {bound:.1%}; "
        f"int8 loses {int8:.1%} of first choices; bf16 loses {bf16:.1%} of first choices"
    )


def test_by_rule_a_format_without_its_instruction_is_not_tried(monkeypatch):
    for module in (kernels.native.int8, kernels.native.bf16):
        monkeypatch.setattr(module, "has_dot", lambda m: False)
    plan = chosen(monkeypatch, {}, max_loss=1.0)
    assert plan.recipe.precision == "float32" and "int8 was not tried (this CPU has no instruction" in repr(plan)


def test_with_trials_the_fastest_is_taken(monkeypatch):
    seconds = {"int8": 3.0, "bf16": 1.0, "float32": 2.0}
    monkeypatch.setattr(precision, "_seconds", lambda plan: seconds[plan.recipe.precision])
    assert chosen(monkeypatch, {"int8": 0.0, "bf16": 0.0}, max_loss=0.0, tune=True).recipe.precision == "bf16"
    assert chosen(monkeypatch, {"int8": 0.0, "bf16": 0.1}, max_loss=0.0, tune=True).recipe.precision == "float32"


def test_the_loss_is_the_share_of_images_whose_largest_output_changes():
    def answers(*rows):
        def plan(x):
            return np.array([rows[int(value)] for value in x[:, 0, 0, 0]], np.float32)

        plan.input_shape = (2, 1, 1, 1)
        return plan

    x = np.arange(5, dtype=np.float32).reshape(5, 1, 1, 1)
    exact = answers((1, 0), (1, 0), (0, 1), (0, 1), (1, 0))
    assert precision.loss(answers((1, 0), (0, 1), (0, 1), (0, 9), (0, 1)), exact, x) == 0.4
    assert precision.loss(exact, exact, x) == 0


def test_a_float32_plan_of_auto_keeps_its_algorithms(monkeypatch):
    plan = chosen(monkeypatch, {"int8": 1.0, "bf16": 1.0}, max_loss=0.0)
    assert {step.algorithm for step in plan.steps} == {step.algorithm for step in mg.compile(Narrow(), SHAPE).steps}


def test_wrong_settings_are_named():
    def compiled(**settings):
        return mg.compile(Narrow(), SHAPE, **settings)

    with pytest.raises(ValueError, match="compile: `max_loss` is None and `precision` 'auto', expected a share of images"):
        compiled(precision="auto", calibrate=images())
    with pytest.raises(ValueError, match=r"compile: `max_loss` is 0.1 and `precision` 'int8', expected .* nothing with others"):
        compiled(precision="int8", calibrate=images(), max_loss=0.1)
    with pytest.raises(ValueError, match="compile: `calibrate` is missing, expected some dozens of images, by which 'auto' measures"):
        compiled(precision="auto", max_loss=0.1)
    with pytest.raises(ValueError, match="compile: `max_loss` is -1"):
        compiled(precision="auto", max_loss=-1, calibrate=images())
    with pytest.raises(ValueError, match="compile: `max_loss` is 2.0, expected a finite number from 0 to 1"):
        compiled(precision="auto", max_loss=2, calibrate=images())
    with pytest.raises(ValueError, match="compile: `input_shape` has images of several sizes"):
        mg.compile(Narrow(), [SHAPE, (2, 33, 32, 3)], precision="int8", calibrate=images())
