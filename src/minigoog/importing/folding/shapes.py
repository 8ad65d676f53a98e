"""The shape of a constant, its order, and parts of it."""

import math
from collections.abc import Sequence

import numpy as np

from ...formats.graph import Node
from ..attributes import as_integers, axis_of, integer, integers
from .table import Constant, Inputs, axes_of, fold, given, limited, optional


@fold("Identity", "Dropout")
def identity(node: Node, inputs: Inputs, opset: int) -> Constant:
    return given(inputs, 0)


@fold("Shape")
def shape(node: Node, inputs: Inputs, opset: int) -> Constant:
    return shape_of(node, given(inputs, 0).shape)


def shape_of(node: Node, lengths: tuple[int, ...]) -> Constant:
    """The result of a node Shape for a value with this shape."""
    return np.array(lengths[integer(node, "start", 0) : integer(node, "end", len(lengths))], np.int64)


@fold("Size")
def size(node: Node, inputs: Inputs, opset: int) -> Constant:
    return np.array(given(inputs, 0).size, np.int64)


@fold("Reshape")
def reshape(node: Node, inputs: Inputs, opset: int) -> Constant:
    array = given(inputs, 0)
    target = integers(node, "shape") or as_integers(given(inputs, 1))
    return array.reshape(completed(target, array.shape, bool(integer(node, "allowzero", 0))))


def completed(target: tuple[int, ...], shape: tuple[int, ...], allow_zero: bool) -> tuple[int, ...]:
    """The shape that Reshape asks for: 0 copies a length, -1 is what is left over."""
    lengths = [shape[i] if n == 0 and not allow_zero and i < len(shape) else n for i, n in enumerate(target)]
    known, count = math.prod(n for n in lengths if n != -1), math.prod(shape)
    if lengths.count(-1) == 1 and known > 0 and count % known == 0:
        lengths[lengths.index(-1)] = count // known
    if math.prod(lengths) != count or min(lengths, default=0) < 0:
        raise ValueError(f"shape {target} for a value of shape {shape}")
    return tuple(lengths)


@fold("Flatten")
def flatten(node: Node, inputs: Inputs, opset: int) -> Constant:
    array = given(inputs, 0)
    return array.reshape(flattened(node, array.shape))


def flattened(node: Node, shape: tuple[int, ...]) -> tuple[int, int]:
    """The shape after Flatten."""
    axis = integer(node, "axis", 1)
    if not -len(shape) <= axis <= len(shape):
        raise ValueError(f"axis {axis} of a value with {len(shape)} axes")
    return math.prod(shape[:axis]), math.prod(shape[axis:])


@fold("Unsqueeze")
def unsqueeze(node: Node, inputs: Inputs, opset: int) -> Constant:
    array = given(inputs, 0)
    return array.reshape(unsqueezed(array.shape, axes_of(node, inputs, 1)))


def unsqueezed(shape: tuple[int, ...], axes: tuple[int, ...] | None) -> tuple[int, ...]:
    """The shape after Unsqueeze."""
    if axes is None or len(shape) + len(axes) > 8:
        raise ValueError(f"axes {axes} of a value with {len(shape)} axes")
    found, waiting = {axis_of(axis, len(shape) + len(axes)) for axis in axes}, list(shape)
    if len(found) != len(axes):
        raise ValueError(f"axes {axes} name one axis twice")
    return tuple(1 if i in found else waiting.pop(0) for i in range(len(shape) + len(axes)))


@fold("Squeeze")
def squeeze(node: Node, inputs: Inputs, opset: int) -> Constant:
    array = given(inputs, 0)
    return array.reshape(squeezed(array.shape, axes_of(node, inputs, 1)))


def squeezed(shape: tuple[int, ...], axes: tuple[int, ...] | None) -> tuple[int, ...]:
    """The shape after Squeeze."""
    found = {i for i, n in enumerate(shape) if n == 1} if axes is None else {axis_of(axis, len(shape)) for axis in axes}
    if any(shape[i] != 1 for i in found):
        raise ValueError(f"axes {axes} of a value of shape {shape}, expected axes of length 1")
    return tuple(n for i, n in enumerate(shape) if i not in found)


@fold("Transpose")
def transpose(node: Node, inputs: Inputs, opset: int) -> Constant:
    array = given(inputs, 0)
    return array.transpose(order_of(node, array.ndim))


def order_of(node: Node, rank: int) -> tuple[int, ...]:
    """The order of axes of a Transpose."""
    order = integers(node, "perm")
    order = tuple(reversed(range(rank))) if order is None else order
    if sorted(order) != list(range(rank)):
        raise ValueError(f"`perm` is {order}, expected each axis of {rank} once")
    return order


@fold("Concat")
def concat(node: Node, inputs: Inputs, opset: int) -> Constant:
    arrays = [given(inputs, i) for i in range(len(inputs))]
    limited(sum(array.size for array in arrays))
    return np.concatenate(arrays, integer(node, "axis", 0))


@fold("Split")
def split(node: Node, inputs: Inputs, opset: int) -> Sequence[Constant]:
    array = given(inputs, 0)
    axis = axis_of(integer(node, "axis", 0), array.ndim)
    bounds = np.cumsum(split_sizes(node, inputs, array.shape[axis]))[:-1]
    return np.split(array, bounds, axis)


def split_sizes(node: Node, inputs: Inputs, length: int) -> tuple[int, ...]:
    """The lengths of the parts of a Split: given, or equal but for the last."""
    parts, stored = integers(node, "split"), optional(inputs, 1)
    if parts is None and stored is not None:
        parts = as_integers(stored)
    if parts is None:
        count = len(node.outputs)
        each = -(-length // count)
        parts = tuple(min(each, length - i * each) for i in range(count))
    if len(parts) != len(node.outputs) or min(parts) < 0 or sum(parts) != length:
        raise ValueError(f"parts {parts} of {length}, for {len(node.outputs)} results")
    return parts


@fold("Slice")
def slice_(node: Node, inputs: Inputs, opset: int) -> Constant:
    array = given(inputs, 0)
    return array[slices(node, inputs, array.ndim)]


def slices(node: Node, inputs: Inputs, rank: int) -> tuple[slice, ...]:
    """What a Slice takes of each axis: attributes below opset 10, inputs from 10 on."""
    stored = [optional(inputs, i) for i in range(1, 5)]
    names = ("starts", "ends", "axes", "steps")
    starts, ends, axes, steps = (
        integers(node, name) if array is None else as_integers(array) for name, array in zip(names, stored, strict=True)
    )
    if starts is None or ends is None:
        raise ValueError("starts and ends are missing")
    axes, steps = tuple(range(len(starts))) if axes is None else axes, (1,) * len(starts) if steps is None else steps
    taken = [slice(None)] * rank
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        if step == 0:
            raise ValueError("a step of 0")
        before = step < 0 and end < -(1 << 30)  # as far back as there is
        taken[axis_of(axis, rank)] = slice(start, None if before else end, step)
    return tuple(taken)


@fold("Gather")
def gather(node: Node, inputs: Inputs, opset: int) -> Constant:
    array, index = given(inputs, 0), given(inputs, 1)
    axis = axis_of(integer(node, "axis", 0), array.ndim)
    limited(array.size // max(array.shape[axis], 1) * index.size)
    return np.asarray(np.take(array, checked_index(index, array.shape[axis]), axis))


def checked_index(index: Constant, length: int) -> Constant:
    """An index into an axis of this length, negative ones counted from the end."""
    if index.dtype.kind not in "iu" or (index.size and not -length <= index.min() <= index.max() < length):
        raise ValueError(f"an index that is not from {-length} to {length - 1}")
    return index
