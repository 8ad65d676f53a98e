"""Weights in bf16 whose rounding errors make up for each other, by what is known of what they multiply before any image is seen."""

import numpy as np

from ...array_types import Array
from ...checks import check_array
from .bf16 import Halves, from_bf16, to_bf16
from .int8_rounding import Feedback, feedback

SMALLEST = 2.0**-120  # of the weights that may be rounded the other way: its neighbours are no zeros
NEIGHBOURS, COLOURS = 0.95, 0.9  # how much pixels of an image vary together that lie side by side, and the colours of a pixel


def to_bf16_in_balance(w: Array) -> Halves:
    """The float32 weights `w` [..., cout] in bf16, so that the errors of each output channel add up to nearly nothing: of its weights that
    lie nearest to the middle between two numbers, as many as that takes go to the other one.

    Maps behind a ReLU have a mean, which such a sum multiplies: it does not average out over pixels, as the error of one weight does."""
    flat = np.ascontiguousarray(check_array("to_bf16_in_balance", "w", w, dtype=np.float32).reshape(-1, w.shape[-1]).T)
    nearest = to_bf16(flat)
    value = from_bf16(nearest).astype(np.float64)
    with np.errstate(invalid="ignore"):
        error = value - flat
        excess = np.cumsum(error, axis=1)[:, -1:]  # one sum after the other: the same bits everywhere
        toward_zero = (value > 0) == (excess > 0)
        other = np.where(toward_zero, nearest - np.uint16(1), nearest + np.uint16(1)).astype(np.uint16)
        step = np.abs(from_bf16(other).astype(np.float64) - value)
        may = (np.sign(error) == np.sign(excess)) & np.isfinite(step) & (np.abs(value) > SMALLEST)
        order = np.argsort(np.where(may, step - 2 * np.abs(error), np.inf), axis=1, kind="stable")
        step, may = (np.take_along_axis(a, order, axis=1) for a in (np.where(may, step, 0.0), may))
        moves = may & (np.cumsum(step, axis=1) - step / 2 <= np.abs(excess))
    moved = np.zeros_like(moves)
    np.put_along_axis(moved, order, moves, axis=1)
    return np.ascontiguousarray(np.where(moved, other, nearest).T).reshape(w.shape)


def to_bf16_for_images(w: Array) -> Halves:
    """The float32 weights `w` [kh, kw, cin, cout] that an image meets in bf16: what rounding changes in a smooth picture is nearly nothing.

    Each weight makes up for the errors of those before it (int8_rounding.py), as far as pixels and colours vary together in pictures."""
    kh, kw, cin, cout = check_array("to_bf16_for_images", "w", w, dtype=np.float32, ndim=4).shape
    y, x, colour = (axis.reshape(-1) for axis in np.meshgrid(np.arange(kh), np.arange(kw), np.arange(cin), indexing="ij"))
    distance = np.abs(y[:, None] - y) + np.abs(x[:, None] - x)
    by = feedback(NEIGHBOURS**distance * np.where(colour[:, None] == colour, 1.0, COLOURS))
    return to_bf16_by(w.reshape(-1, cout), by).reshape(w.shape)


def to_bf16_by(w: Array, by: Feedback) -> Halves:
    """The float32 weights `w` [terms, ...] in bf16, each term's rounded after what the terms before it leave undone (int8_rounding.py)."""
    exact = check_array("to_bf16_by", "w", w, dtype=np.float32)[by.order]
    wanted, found = exact.copy(), np.empty(exact.shape, np.uint16)
    factors = by.factors.reshape(*by.factors.shape, *[1] * (w.ndim - 1))
    for k in range(len(exact)):
        rounded = to_bf16(wanted[k])
        with np.errstate(invalid="ignore"):
            lost = exact[k] - from_bf16(rounded)
        wanted[k + 1 :] += factors[k + 1 :, k] * np.where(np.isfinite(lost), lost, 0)
        found[by.order[k]] = rounded
    return found


def to_bf16_by_channels(w: Array, by: Feedback | None) -> Halves:
    """The float32 weights `w` [..., cin, cout] in bf16: those of each pixel of the window make up for each other, by what is known of its
    channels; where nothing is, all are in balance."""
    if by is None:
        return to_bf16_in_balance(w)
    return np.ascontiguousarray(np.moveaxis(to_bf16_by(np.moveaxis(w, -2, 0), by), 0, -2))
