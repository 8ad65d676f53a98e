"""Where the operations are in the diagram, as in the paper's figure 3: the trunk downwards, branches side by side, heads beside it."""

from typing import NamedTuple

from ..trace.forks import Fork, Graph, forks

WIDTH, GAP = 1.0, 0.1  # of a column, in widths of a box
HALF = (WIDTH + GAP) / 2


class Spot(NamedTuple):
    """The middle of a box: `x` in widths of a box, from the trunk at 0; `row` from the image at 0."""

    x: float
    row: int


def layout(inputs: Graph, joins: list[int], trunk_end: int) -> list[Spot]:
    """A Spot for each node. `inputs`: the nodes that each node reads, all before it; `joins`: those nodes that put branches together.

    `trunk_end`: the node that the trunk leads to (the loss, or the logits)."""
    found = forks(inputs, joins)
    columns, rows = _columns(found, len(inputs)), _rows(inputs)
    main = _main(inputs, joins, trunk_end)
    right = max(columns[node] for node in main) + WIDTH + GAP
    _lower(inputs, found, rows)
    return [Spot(columns[node] if node in main else right, rows[node]) for node in range(len(inputs))]


def _main(inputs: Graph, joins: list[int], end: int) -> set[int]:
    """The nodes that lead to `end`, without heads beside the trunk."""
    main = {end}
    while inputs[end] and end not in joins:
        end = inputs[end][0]
        main.add(end)
    waiting = [end]
    while waiting:
        new = set(inputs[waiting.pop()]) - main
        main |= new
        waiting += new
    return main


def _columns(found: list[Fork], n: int) -> list[float]:
    """x of each of `n` nodes: the branches of a fork are side by side, around the way on, or right of it where that is a branch itself."""
    columns = [0.0] * n
    sizes: dict[int, tuple[float, float]] = {}  # of each fork, by its join: what it takes to the left and to the right of its middle
    for fork in sorted(found, key=lambda fork: len(fork.inside)):  # forks within branches first
        sides = [_sides(branch, sizes) for branch in fork.branches if branch]
        width = sum(left + right for left, right in sides)
        left = -HALF if len(sides) < len(fork.branches) else width / 2
        x = -left
        for branch, (before, after) in zip(filter(None, fork.branches), sides, strict=True):
            for node in branch:
                columns[node] += x + before
            x += before + after
        sizes[fork.join] = max(left, HALF), max(width - left, HALF)
    return columns


def _sides(branch: tuple[int, ...], sizes: dict[int, tuple[float, float]]) -> tuple[float, float]:
    """What a branch takes to the left and to the right of its middle."""
    inside = [sizes[node] for node in branch if node in sizes]
    left, right = zip((HALF, HALF), *inside, strict=True)
    return max(left), max(right)


def _rows(inputs: Graph) -> list[int]:
    """The longest path to each node from a node without inputs."""
    rows: list[int] = []
    for read in inputs:
        rows.append(1 + max((rows[source] for source in read), default=-1))
    return rows


def _lower(inputs: Graph, found: list[Fork], rows: list[int]) -> None:
    """Places a short branch low, next to where it ends."""
    for fork in found:
        for branch in filter(None, fork.branches):
            if all(len(inputs[node]) == 1 for node in branch):
                for above, node in enumerate(reversed(branch), start=1):
                    rows[node] = rows[fork.join] - above
