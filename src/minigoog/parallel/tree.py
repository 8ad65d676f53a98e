"""Sums in one order, whoever adds: a binary tree over `leaves`, of which each process has a few neighbours.

An addition of floats in another order has other bits, and MPI promises no order (with 4 processes Open MPI's differs from that of the
ranks in 30% of the values). Here the order is that of the tree, for any number of processes."""

from collections.abc import Callable, Mapping
from typing import TypeAlias

from ..array_types import Array

Node: TypeAlias = tuple[int, int]  # the leaves from the first to before the second


def middle(node: Node) -> int:
    """Where a node is split: the left part is the largest power of two below its size."""
    first, last = node
    return first + (1 << ((last - first - 1).bit_length() - 1))


def share(n: int, parts: int, part: int) -> Node:
    """The neighbours among `n` that one of `parts` gets: nearly as many as each other one."""
    return part * n // parts, (part + 1) * n // parts


def nodes(leaves: Node, root: Node) -> list[Node]:
    """The largest nodes of the tree of `root` that hold only `leaves`, and together all of them, from left to right."""
    if root[0] >= root[1] or leaves[0] >= root[1] or leaves[1] <= root[0]:
        return []
    if leaves[0] <= root[0] and root[1] <= leaves[1]:
        return [root]
    at = middle(root)
    return nodes(leaves, (root[0], at)) + nodes(leaves, (at, root[1]))


def total(node: Node, of_leaf: Callable[[int], Array], known: Mapping[Node, Array] | None = None) -> Array:
    """The sum of a node: `known`, or of a leaf, or else of its two parts, in place into that of the left one."""
    if known and node in known:
        return known[node]
    if node[1] - node[0] == 1:
        return of_leaf(node[0])
    at = middle(node)
    left = total((node[0], at), of_leaf, known)
    left += total((at, node[1]), of_leaf, known)
    return left
