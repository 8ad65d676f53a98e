"""What is wrong with an array, without knowing what it is for: its shape, its axes, a factor, some of its places."""

from collections.abc import Iterator
from fractions import Fraction
from itertools import permutations

import numpy as np

from ..array_types import Array
from .answers import TOLERANCE, allowed, same

LARGEST_DENOMINATOR = 64


def differences(right: Array, got: Array) -> Iterator[str]:
    """Sentences about how `got` differs from `right`, the most telling one first."""
    if got.shape != right.shape:
        yield from _of_shape(right, got)
        return
    if not np.isfinite(got).all():
        yield f"{np.count_nonzero(~np.isfinite(got))} of {got.size} numbers are not finite (nan or inf)."
        return
    if not got.any():
        yield "All numbers are 0."
        return
    yield from _of_factor(right, got)
    yield from _of_axes(right, got)
    yield from _of_places(right, got)


def _of_shape(right: Array, got: Array) -> Iterator[str]:
    for order in permutations(range(got.ndim)):
        if got.ndim == right.ndim and same(got.transpose(order), right):
            yield f"The numbers are right, but the axes are in another order: .transpose{order} would make it right."
    yield f"The shape is {got.shape}, expected {right.shape}."
    if got.size == right.size and same(got.reshape(right.shape), right):
        yield "The numbers are right, in the right order: .reshape would do."


def _of_factor(right: Array, got: Array) -> Iterator[str]:
    """All numbers too large or too small by the same factor."""
    factor = float((got * right).sum() / (right * right).sum()) if right.any() else 0.0
    if factor and same(got, factor * right):
        if abs(factor + 1) < TOLERANCE:
            yield "All numbers have the wrong sign."
            return
        nice = Fraction(factor).limit_denominator(LARGEST_DENOMINATOR)
        yield f"All numbers are {nice if abs(nice - factor) < TOLERANCE * abs(factor) else f'{factor:.4g}'} times what they should be."


def _of_axes(right: Array, got: Array) -> Iterator[str]:
    """Right numbers at the wrong places."""
    for order in permutations(range(got.ndim)):
        turned = got.transpose(order)
        if order != tuple(range(got.ndim)) and turned.shape == right.shape and same(turned, right):
            yield f"The axes are in another order: .transpose{order} would make it right."
            return
    for axis in range(got.ndim):
        if same(np.flip(got, axis), right):
            yield f"Axis {axis} runs backwards."
            return
    if same(np.sort(got, axis=None), np.sort(right, axis=None)):
        yield "The numbers are the right ones, but not at the right places."


def _of_places(right: Array, got: Array) -> Iterator[str]:
    """Which part of the numbers is wrong."""
    wrong = np.abs(got - right) > allowed(right)
    if got.ndim == 4 and min(got.shape[1:3]) > 2 and not wrong[:, 1:-1, 1:-1].any():
        yield "Inside the map all numbers are right; at its edges some are wrong."
    elif got.ndim > 1 and len(got) > 1 and not wrong[0].any():
        yield "Of the first image (row 0 of the first axis) all is right, of later ones it is not."
    elif got.ndim > 1 and got.shape[-1] > 1 and not wrong[..., 0].any():
        yield "Channel 0 is right, later channels are not."
    place = np.unravel_index(int(wrong.argmax()), wrong.shape)
    index = ", ".join(map(str, place))
    count = f"{np.count_nonzero(wrong)} of {wrong.size} numbers are wrong"
    yield f"{count}; the first{index and f', [{index}],'} is {got[place]:.6g}, expected {right[place]:.6g}."
