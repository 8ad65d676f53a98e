"""Parts of values, and values side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ... import ops
from ...formats.graph import Node
from ..attributes import LARGEST, as_integers, axis_of, integer
from ..folding.shapes import checked_index, slices, split_sizes
from ..modules import ChannelAffine
from ..pending import Affine, Channels, Vector, added
from ..resolver import Resolver, rule
from ..values import NHWC, Slot, Value, from_memory


@rule("Concat")
def concat(r: Resolver, node: Node) -> Value:
    """Values side by side along an axis, which becomes the last in memory."""
    xs = [r.value(node, i) for i in range(len(node.inputs))]
    rank = len(xs[0].shape)
    axis = axis_of(integer(node, "axis", 1), rank)
    if any(x.shape[:axis] + x.shape[axis + 1 :] != xs[0].shape[:axis] + xs[0].shape[axis + 1 :] for x in xs):
        raise ValueError(f"values of shapes {[x.shape for x in xs][:4]} side by side along axis {axis}")
    whole = _whole(r, node, xs, axis)
    if whole is not None:
        return whole
    groups = _last(rank, axis)
    shape = tuple(sum(x.shape[axis] for x in xs) if i == axis else n for i, n in enumerate(xs[0].shape))
    slot = r.add(node, concatenated, [r.arranged(x, groups) for x in xs], tuple(shape[group[0]] for group in groups))
    return from_memory(slot, shape, groups)


def concatenated(*xs: Any) -> Any:
    """Maps side by side."""
    return ops.concat(list(xs))


def _last(rank: int, axis: int) -> Sequence[tuple[int, ...]]:
    """The axes with one as the last in memory."""
    return NHWC if rank == 4 and axis == 1 else [(i,) for i in range(rank) if i != axis] + [(axis,)]


def _whole(r: Resolver, node: Node, xs: Sequence[Value], axis: int) -> Value | None:
    """All channels of a map side by side again, each with its scale and shift (torchvision's `transform_input`): one layer."""
    parts = [x.slot.pending for x in xs if isinstance(x.slot.pending, Channels) and not x.slot.shared]
    if len(parts) != len(xs) or len({part.source for part in parts}) != 1:
        return None
    source, index = parts[0].source, tuple(i for part in parts for i in part.index)
    if index != tuple(range(source.stored[-1])) or len(source.shape) != len(xs[0].shape) or not source.is_last(axis):
        return None
    if any(x != _some(x.slot, source, axis, len(part.index)) for x, part in zip(xs, parts, strict=True)):  # each seen in another way
        return None
    scale = np.concatenate([part.scale for part in parts])
    shift = np.concatenate([added(part.scale, part.shift) for part in parts])

    def finish(scale: Vector, shift: Vector | None) -> int:
        module = r.parts.module(node, "", lambda: ChannelAffine(scale, added(scale, shift)))
        return r.step(module, [r.tensor(source)], source.stored)

    return source.at(Slot(pending=Affine(finish, scale, shift)))


@rule("Gather")
def gather(r: Resolver, node: Node) -> Value:
    """Some indices of an axis; one index takes the axis away."""
    x, index = r.value(node), r.constant(node, 1)
    axis = axis_of(integer(node, "axis", 0), len(x.shape))
    if index.ndim > 1:
        raise ValueError(f"an index with {index.ndim} axes, expected at most 1")
    chosen = [i % x.shape[axis] for i in as_integers(checked_index(index, x.shape[axis]), LARGEST)]
    taken = take(r, node, x, axis, chosen)
    return taken if index.ndim else seen(taken, [n for i, n in enumerate(taken.shape) if i != axis])


def seen(x: Value, shape: Sequence[int]) -> Value:
    """A value without an axis of length 1."""
    found = x.reshaped(tuple(shape))
    assert found is not None
    return found


@rule("Slice")
def slice_(r: Resolver, node: Node) -> Value:
    """Every so many of the indices of some axes."""
    x = r.value(node)
    for axis, part in enumerate(slices(node, r.constants(node), len(x.shape))):
        chosen = range(*part.indices(x.shape[axis]))
        if len(chosen) != x.shape[axis] or chosen.step != 1:
            x = take(r, node, x, axis, chosen)
    return x


@rule("Split")
def split(r: Resolver, node: Node) -> list[Value]:
    """The parts of an axis."""
    x = r.value(node)
    axis = axis_of(integer(node, "axis", 0), len(x.shape))
    ends = np.cumsum(split_sizes(node, r.constants(node), x.shape[axis])).tolist()
    starts = [0, *ends[:-1]]
    nodes = (node._replace(outputs=(name,), name="") for name in node.outputs)  # each part may have a layer of its own
    return [take(r, part, x, axis, range(start, end)) for part, start, end in zip(nodes, starts, ends, strict=True)]


def take(r: Resolver, node: Node, x: Value, axis: int, chosen: Sequence[int]) -> Value:
    """Some indices of an axis. Of channels it waits: they may become a whole map again."""
    if not chosen:
        raise ValueError(f"none of the {x.shape[axis]} indices of axis {axis}")
    groups = _last(len(x.shape), axis) if not x.is_last(axis) and axis == 1 else None
    if groups is not None:
        x = x.ordered(Slot(r.arranged(x, groups)), groups)
    shape = tuple(len(chosen) if i == axis else n for i, n in enumerate(x.shape))
    if not x.is_last(axis):
        own = [(i,) for i in range(len(x.shape))] if len(x.shape) != 4 or not x.is_last(1) else NHWC
        lengths = tuple(shape[group[0]] for group in own)
        index = (slice(None),) * [group[0] for group in own].index(axis) + (_compact(chosen),)
        return from_memory(Slot(r.step(ops.index, [r.arranged(x, own)], lengths, index=index)), shape, own)
    return _channels(r, node, x, axis, chosen)


def _channels(r: Resolver, node: Node, x: Value, axis: int, chosen: Sequence[int]) -> Value:
    """Some of the channels of a value, the last axis in memory."""
    lengths, ones = (*x.stored[:-1], len(chosen)), np.ones(len(chosen))

    def finish(scale: Vector, shift: Vector | None) -> int:
        index = r.step(ops.index, [r.tensor(x)], lengths, index=(..., _compact(chosen)))
        if (scale == 1).all() and (shift is None or not shift.any()):
            return index
        module = r.parts.module(node, "", lambda: ChannelAffine(scale, added(scale, shift)))
        return r.step(module, [index], lengths)

    return _some(Slot(pending=Channels(finish, ones, None, x, tuple(chosen))), x, axis, len(chosen))


def _some(slot: Slot, x: Value, axis: int, count: int) -> Value:
    """The view of so many indices of an axis of `x`, the last in memory."""
    kept = [atom for atom in range(len(x.sizes)) if atom not in x.axes[axis]]
    axes = tuple(((len(kept),) if count > 1 else ()) if i == axis else own for i, own in enumerate(x.axes))
    return Value(slot, (*x.stored[:-1], count), (*(x.sizes[atom] for atom in kept), *([count] if count > 1 else [])), axes)


def _compact(chosen: Sequence[int]) -> slice | list[int]:
    """Indices as a slice, if they are evenly spaced."""
    step = chosen[1] - chosen[0] if len(chosen) > 1 else 1
    even = step != 0 and all(b - a == step for a, b in zip(chosen, chosen[1:], strict=False))
    end = chosen[-1] + (1 if step > 0 else -1)
    return slice(chosen[0], end if end >= 0 else None, step) if even else list(chosen)
