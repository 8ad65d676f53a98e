"""In what numbers a plan computes: what `compile` was told, and the choice of `precision="auto"`."""

import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import kernels
from ..array_types import Array, Shape
from ..checks import check_array, check_choice, check_real
from .lowering import Recipe

if TYPE_CHECKING:
    from .plan import Plan

PRECISIONS = ("float32", "bf16", "int8", "auto")
NARROW = ("int8", "bf16")  # the shortest first
ROUNDS = 5  # of which the least time counts
WITHOUT = {
    "int8": "this CPU has no instruction for four products of bytes: each takes as long as one of float32's",
    "bf16": "this CPU has no instruction for products of bf16: each is widened to float32 first, which is slower than a float32 plan",
}


def check_images(where: str, name: str, images: Any, shape: Shape) -> Array:
    """`images` if they are float32 [n, h, w, c], at least one, of the size in `shape`, without NaN and infinity; else an error."""
    check_array(where, name, images, dtype=np.float32, ndim=4)
    if len(images) == 0 or images.shape[1:] != shape[1:]:
        raise ValueError(f"{where}: `{name}` has shape {images.shape}, expected at least one image of {shape[1:]}")
    if not np.isfinite(images).all():
        raise ValueError(f"{where}: `{name}` has NaN or infinite values, expected numbers")
    found: Array = images
    return found


def check_precision(precision: str, calibrate: Array | None, max_loss: float | None, shapes: tuple[Shape, ...]) -> Array | None:
    """The images of `calibrate`, if the settings of `compile` suit each other; else an error."""
    check_choice("compile", "precision", precision, PRECISIONS)
    if (max_loss is None) == (precision == "auto"):
        expected = "a share of images with `precision` 'auto', nothing with others"
        raise ValueError(f"compile: `max_loss` is {max_loss} and `precision` '{precision}', expected {expected}")
    if max_loss is not None:
        check_real("compile", "max_loss", max_loss, 0.0, 1.0)
    if calibrate is None:
        if precision in ("int8", "auto"):
            raise ValueError(f"compile: `calibrate` is missing, expected some dozens of images, by which '{precision}' measures")
        return None
    if precision == "float32":
        raise ValueError("compile: `calibrate` is given, but `precision` is 'float32', expected 'int8', 'bf16' or 'auto'")
    if len({shape[1:] for shape in shapes}) > 1:
        raise ValueError(f"compile: `input_shape` has images of several sizes ({shapes}), expected one size, that of `calibrate`")
    return check_images("compile", "calibrate", calibrate, shapes[0])


def recipe_for(recipe: Recipe, precision: str, calibrate: Array | None, machine: Any) -> Recipe:
    """`recipe` for plans of this precision."""
    if precision == "float32":
        return recipe
    note = "" if has_instruction(precision, machine) else WITHOUT[precision]
    found = recipe._replace(algorithm="direct", sparse=False, precision=precision, note=note)
    return found._replace(calibrate=calibrate, calibrated=calibrate is not None)


def has_instruction(precision: str, machine: Any) -> bool:
    """Whether the CPU multiplies such numbers without widening them."""
    return bool({"int8": kernels.native.int8, "bf16": kernels.native.bf16}[precision].has_dot(machine))


def choose(make: Callable[[str], "Plan"], images: Array, max_loss: float, machine: Any, timed: bool) -> "Plan":
    """The fastest plan whose loss on `images` is at most `max_loss`: the share of images whose largest output is another than in float32.

    make: the plan of a precision. By rule int8 is faster than bf16, and bf16 than float32, on a CPU with the instructions for their
    products, and slower without; `timed`: by trials."""
    exact = make("float32")
    losses, plans, notes = {"float32": 0.0}, {"float32": exact}, []
    for precision in NARROW:
        if timed or has_instruction(precision, machine):
            plans[precision] = make(precision)
            losses[precision] = loss(plans[precision], exact, images)
            notes.append(f"{precision} loses {losses[precision]:.1%} of first choices")
        else:
            notes.append(f"{precision} was not tried ({WITHOUT[precision]})")
    fit = [precision for precision in (*NARROW, "float32") if losses.get(precision, np.inf) <= max_loss]
    best = min(fit, key=lambda precision: _seconds(plans[precision])) if timed else fit[0]
    chosen = plans[best]
    chosen.recipe = chosen.recipe._replace(note=f"chosen for a loss of at most {max_loss:.1%}; {'; '.join(notes)}")
    return chosen


def loss(plan: "Plan", exact: "Plan", images: Array) -> float:
    """The share of `images` whose largest output is another than that of the plan `exact`."""
    x = np.empty(plan.input_shape, np.float32)
    changed = [_first_choices(plan, x, part) != _first_choices(exact, x, part) for part in _parts(images, len(x))]
    return float(np.concatenate(changed).mean())


def _parts(images: Array, n: int) -> Iterable[Array]:
    return (images[i : i + n] for i in range(0, len(images), n))


def _first_choices(plan: "Plan", x: Array, images: Array) -> Array:
    x[: len(images)] = images
    x[len(images) :] = 0
    y = plan(x)
    first = y[0] if isinstance(y, tuple) else y
    found: Array = first.reshape(len(x), -1).argmax(axis=1)[: len(images)]
    return found


def _seconds(plan: "Plan") -> float:
    x, times = np.zeros(plan.input_shape, np.float32), []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        plan(x)
        times.append(time.perf_counter() - start)
    return min(times)
