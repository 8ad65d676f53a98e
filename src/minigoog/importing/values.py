"""Values of a network while it is resolved: how the file sees a tensor, and how it lies in memory.

The file's maps are NCHW, ours NHWC, so each value has a view: its axes in the file are made of *atoms*, the axes in memory (or parts of
them). Transpose, Reshape, Flatten, Squeeze and Unsqueeze change the view only; what reads a value says which order it needs, and only
then, if at all, is anything moved. The channel shuffle of ShuffleNet, written as Reshape, Transpose and Reshape, is one such move."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..array_types import Shape
from ..formats import graph

if TYPE_CHECKING:
    from .pending import Pending

Axes = tuple[tuple[int, ...], ...]


@dataclass(eq=False)
class Slot:
    """Where a program keeps a tensor: number `index` of its tensors, or None while its operation is still `pending`.

    shared  whether anything but one node reads it"""

    index: int | None = None
    pending: Pending | None = None
    shared: bool = False


@dataclass(frozen=True)
class Value:
    """A tensor as the file sees it.

    stored  its shape in memory
    sizes   the lengths of its atoms, in the order of memory; none is 1
    axes    for each axis in the file its atoms, the slowest first; none for a length of 1"""

    slot: Slot
    stored: Shape
    sizes: Shape
    axes: Axes

    @property
    def shape(self) -> Shape:
        """Its shape in the file."""
        return tuple(math.prod(self.sizes[atom] for atom in axis) for axis in self.axes)

    def atoms(self, groups: Sequence[Sequence[int]]) -> tuple[int, ...]:
        """The atoms of groups of axes, one after the other."""
        return tuple(atom for group in groups for axis in group for atom in self.axes[axis])

    def lengths(self, groups: Sequence[Sequence[int]]) -> Shape:
        """The length of each group of axes."""
        shape = self.shape
        return tuple(math.prod(shape[axis] for axis in group) for group in groups)

    def at(self, slot: Slot, stored: Shape | None = None) -> Value:
        """The same view of another tensor, such as the result of an activation."""
        return replace(self, slot=slot, stored=self.stored if stored is None else stored)

    def ordered(self, slot: Slot, groups: Sequence[Sequence[int]]) -> Value:
        """The same view of a tensor whose axes in memory are these groups of the file's axes."""
        atoms = self.atoms(groups)
        places = {atom: i for i, atom in enumerate(atoms)}
        axes = tuple(tuple(places[atom] for atom in axis) for axis in self.axes)
        return Value(slot, self.lengths(groups), tuple(self.sizes[atom] for atom in atoms), axes)

    def is_last(self, axis: int) -> bool:
        """Whether the last axis in memory is this axis of the file, whole and in order."""
        own, n = self.axes[axis], len(self.sizes)
        return self.stored != () and self.shape[axis] == self.stored[-1] and own == tuple(range(n - len(own), n))

    def last_axis(self) -> int | None:
        """The axis of the file that is the last in memory, if there is one."""
        return next((axis for axis in reversed(range(len(self.axes))) if self.axes[axis] and self.is_last(axis)), None)

    def transposed(self, order: Sequence[int]) -> Value:
        """The view after a Transpose."""
        return replace(self, axes=tuple(self.axes[axis] for axis in order))

    def reshaped(self, shape: Shape) -> Value | None:
        """The view after a Reshape; None where an axis begins or ends within an atom and does not divide it."""
        cut = _cut([(atom, self.sizes[atom]) for axis in self.axes for atom in axis], shape)
        if cut is None:
            return None
        parts: dict[int, list[int]] = {}
        for piece in (piece for axis in cut for piece in axis):
            parts.setdefault(piece[0], []).append(piece[1])
        starts: dict[int, int] = {}
        sizes: list[int] = []
        for atom in range(len(self.sizes)):
            starts[atom] = len(sizes)
            sizes += parts.get(atom, [])
        return replace(self, sizes=tuple(sizes), axes=_numbered(cut, starts))


def _cut(atoms: list[tuple[int, int]], shape: Shape) -> list[list[tuple[int, int]]] | None:
    """For each length of the new shape the (atom, length) pieces that make it, in the order of the file."""
    waiting, axes = list(reversed(atoms)), []
    for length in shape:
        pieces: list[tuple[int, int]] = []
        while length != 1:
            if not waiting:
                return None
            atom, size = waiting.pop()
            if size != length and not (size and length and 0 in (length % size, size % length)):
                return None
            piece = min(size, length)
            if size != piece:
                waiting.append((atom, size // piece))
            pieces.append((atom, piece))
            length = 1 if length == piece else length // piece
        axes.append(pieces)
    return None if waiting else axes


def _numbered(cut: list[list[tuple[int, int]]], starts: dict[int, int]) -> Axes:
    """The new number of each piece: pieces of one atom follow each other."""
    following, axes = dict(starts), []
    for axis in cut:
        numbers = []
        for atom, _ in axis:
            numbers.append(following[atom])
            following[atom] += 1
        axes.append(tuple(numbers))
    return tuple(axes)


def from_memory(slot: Slot, shape: Shape, groups: Sequence[Sequence[int]]) -> Value:
    """The view of a tensor with this shape in the file, whose axes in memory are groups of the file's."""
    order = [axis for group in groups for axis in group if shape[axis] != 1]
    axes = tuple((order.index(axis),) if axis in order else () for axis in range(len(shape)))
    return Value(slot, tuple(math.prod(shape[axis] for axis in group) for group in groups), tuple(shape[axis] for axis in order), axes)


def in_order(slot: Slot, shape: Shape) -> Value:
    """The view of a tensor that lies in memory as the file sees it."""
    return from_memory(slot, shape, [(axis,) for axis in range(len(shape))])


NHWC = tuple((axis,) for axis in graph.NHWC)  # where the axes in memory come from, for a file's NCHW


def image_map(slot: Slot, n: int, h: int, w: int, c: int) -> Value:
    """The view of a map [n, h, w, c], which is NCHW in the file."""
    return from_memory(slot, (n, c, h, w), NHWC)


def map_shape(x: Value) -> tuple[int, int, int, int]:
    """(n, c, h, w) of a map; ValueError for a value with more or fewer axes."""
    if len(x.shape) != 4:
        raise ValueError(f"a value with {len(x.shape)} axes {x.shape}, expected 4: images, or maps of images")
    n, c, h, w = x.shape
    return n, c, h, w
