"""The classic mistakes of autograd: each a switch, the smallest example that shows it, and the checks that catch it."""

from collections.abc import Callable
from typing import Any, NamedTuple

from . import checks, examples
from .numbers import after_two_backwards, differences, gradients


class Mistake(NamedTuple):
    """A mistake to switch on and off.

    `example(*at)` is a function of tensors, each of one number; `numbers(mistake, on)` gives what it shows, by name, with the switch
    on or off; `checks` are functions (mistake, on) that return a text if all is correct, or raise an AssertionError."""

    name: str
    title: str
    why: str
    example: Callable[..., Any]
    at: dict[str, float]
    numbers: Callable[["Mistake", bool], dict[str, float]]
    checks: tuple[Callable[["Mistake", bool], str], ...]


MISTAKES = (
    Mistake(
        "order", "no topological order",
        "An operation passes its gradient on as soon as a part of it has arrived. Parts that arrive later, over longer paths, are lost.\n"
        "An operation may run backward only after all operations that used its output. Newest first, as on the tape, is such an order.",
        examples.a_short_and_a_long_way, {"a": 1.0}, gradients, (checks.finite_difference, checks.gradcheck),
    ),
    Mistake(
        "overwrite", "`=` instead of `+=`",
        "A value that is used twice gets two gradients, which must be added: it affects the result in two ways. With `=` the last\n"
        "gradient to arrive overwrites the others.",
        examples.everything_twice, {"a": 1.0}, gradients, (checks.finite_difference, checks.gradcheck),
    ),
    Mistake(
        "second-backward", "a second backward over gradients that were kept",
        "A second backward() should add the same gradient once more. If the gradients of the values in between are kept from the\n"
        "first pass, they are passed on a second time, and the sum is too large.",
        examples.everything_twice, {"a": 1.0}, after_two_backwards, (checks.twice_is_double, checks.freed_record),
    ),
    Mistake(
        "aliasing", "two gradients in one array",
        "An addition hands the same array to both of its inputs. Adding to it in place, `grad += more`, also changes the gradient of\n"
        "the other input. A sum needs a new array.",
        examples.one_of_two_used_again, {"a": 1.0, "b": 2.0}, gradients, (checks.finite_difference, checks.no_shared_memory),
    ),
    Mistake(
        "float32", "a gradient check in float32",
        "float32 holds about seven digits. A step of 1e-6 at 1 leaves one of them, and the difference of two values that are nearly\n"
        "equal is mostly rounding: a gradient that is right looks wrong, and each step gives another answer.",
        examples.everything_twice, {"a": 1.0}, differences, (checks.steps_agree, checks.step_is_taken),
    ),
    Mistake(
        "kink", "a step across a kink",
        "ReLU has a kink at 0: slope 0 before it, slope 1 after it. A difference across the kink measures something in between,\n"
        "which is not the slope at any point.",
        examples.near_the_kink, {"a": 1e-7}, differences, (checks.active_sets_agree, checks.gradcheck_of_step),
    ),
)  # fmt: skip


def mistake(name: str) -> Mistake:
    """The Mistake of that name."""
    for each in MISTAKES:
        if each.name == name:
            return each
    raise ValueError(f"mistake: `name` is {name!r}, expected one of {', '.join(each.name for each in MISTAKES)}")
