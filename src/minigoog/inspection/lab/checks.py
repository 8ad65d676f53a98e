"""The checks that catch the mistakes. Each returns a text if all is correct, or raises an AssertionError that says what is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...array_types import Array
from ...gradcheck import gradcheck as compare
from ...tape import Tape
from ...tensor import Tensor
from .differences import central_difference
from .numbers import STEPS, after_two_backwards, gradients, run
from .tape import LabTensor

if TYPE_CHECKING:
    from .mistakes import Mistake


def finite_difference(mistake: Mistake, on: bool) -> str:
    """Each gradient against a central difference in float64."""
    grads, at = gradients(mistake, on), list(mistake.at.values())
    measured = {f"{name}.grad": central_difference(mistake.example, at, i) for i, name in enumerate(mistake.at)}
    for name, expected in measured.items():
        found = f"backward says {name} = {grads[name]:g}, a central difference says {expected:g}"
        assert np.isclose(grads[name], expected, rtol=1e-5), found
    return "backward and a central difference agree"


def gradcheck(mistake: Mistake, on: bool) -> str:
    """minigoog.gradcheck of the example through this tape; it multiplies the result by a random number."""
    mistakes = [mistake.name] if on else []
    compare(lambda *xs: LabTensor(mistake.example(*xs), *mistakes), list(map(_vector, mistake.at.values())))
    return "minigoog.gradcheck finds nothing"


def _vector(value: float) -> Array:
    return np.array([value])


def twice_is_double(mistake: Mistake, on: bool) -> str:
    """Two backward passes give twice the gradient of one."""
    one, two = after_two_backwards(mistake, on).values()
    assert two == 2 * one, f"two backward passes give {two:g}, not twice the {one:g} of one"
    return f"two backward passes give {two:g}, twice the {one:g} of one"


def freed_record(mistake: Mistake, on: bool) -> str:
    """A second backward() over one record is refused: the engine frees it on the way, the lab with its switch on keeps it."""
    result = mistake.example(*(Tensor([x], requires_grad=True) for x in mistake.at.values()))
    backward = LabTensor(result, mistake.name).backward if on else result.backward
    backward()
    try:
        backward()
    except RuntimeError as error:
        return f"the engine refuses the second one: {error}"
    raise AssertionError("the second backward() ran over a record that should have been freed")


def no_shared_memory(mistake: Mistake, on: bool) -> str:
    """No two gradients share memory."""
    inputs, tape = run(mistake, on)
    tape.backward()
    (a, x), (b, y) = inputs.items()
    assert not np.shares_memory(x.grad, y.grad), f"{a}.grad and {b}.grad share memory"
    return f"{a}.grad and {b}.grad have separate memory"


def steps_agree(mistake: Mistake, on: bool) -> str:
    """The difference hardly depends on the step."""
    (value,), settings = mistake.at.values(), STEPS[mistake.name][on]
    steps = [settings["eps"] / factor for factor in (1, 10, 100)]
    found = [central_difference(mistake.example, [value], eps=eps, dtype=settings["dtype"]) for eps in steps]
    text = "steps of " + ", ".join(f"{eps:g}" for eps in steps) + " give " + ", ".join(f"{d:.5g}" for d in found)
    assert np.allclose(found, found[0], rtol=1e-4), text
    return text


def step_is_taken(mistake: Mistake, on: bool) -> str:
    """The distance of x + eps and x - eps is 2 eps."""
    (value,), settings = mistake.at.values(), STEPS[mistake.name][on]
    x, eps = settings["dtype"](value), settings["dtype"](settings["eps"])
    share = float(((x + eps) - (x - eps)) / (2 * eps))
    text = f"the two ends are {share:.5f} of two steps apart"
    assert np.isclose(share, 1, rtol=1e-6), text
    return text


def active_sets_agree(mistake: Mistake, on: bool) -> str:
    """Both ends of the step are on the same side of every kink: `Op.active_set` of the two tapes."""
    (value,), eps = mistake.at.values(), STEPS[mistake.name][on]["eps"]
    ends = [Tape(mistake.example(Tensor([value + step], requires_grad=True))) for step in (eps, -eps)]
    for above, below in zip(*ends, strict=True):
        same = above.active_set() is None or np.array_equal(above.active_set(), below.active_set())
        assert same, f"{above.name} lets one end of the step through and not the other"
    return "both ends of the step are on the same side"


def gradcheck_of_step(mistake: Mistake, on: bool) -> str:
    """minigoog.gradcheck with that step: it names the kink."""
    compare(mistake.example, list(map(_vector, mistake.at.values())), eps=STEPS[mistake.name][on]["eps"])
    return "minigoog.gradcheck finds nothing"
