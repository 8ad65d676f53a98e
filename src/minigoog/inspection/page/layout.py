"""Where the operations are in the diagram, as in the paper's figure 3: the trunk downwards, branches side by side, heads beside it."""

from typing import NamedTuple

Graph = list[tuple[int, ...]]  # the nodes that each node reads
Users = list[list[int]]  # the nodes that read each node
WIDTH, GAP = 1.0, 0.1  # of a column, in widths of a box


class Spot(NamedTuple):
    """The middle of a box: `x` in widths of a box, from the trunk at 0; `row` from the image at 0."""

    x: float
    row: int


def layout(inputs: Graph, joins: list[int], trunk_end: int) -> list[Spot]:
    """A Spot for each node. `inputs`: the nodes that each node reads, all before it; `joins`: those nodes that put branches together.

    `trunk_end`: the node that the trunk leads to (the loss, or the logits)."""
    users = _users(inputs)
    on_trunk = _trunk(inputs, joins, users, trunk_end)
    columns = _columns(inputs, joins, users, on_trunk)
    right = max(columns.values(), default=0.0) + WIDTH + GAP
    rows = _rows(inputs)
    for join in joins:  # a short branch is placed low, next to its concatenation
        for source in inputs[join]:
            for above, node in enumerate(_branch(inputs, users, source), start=1):
                rows[node] = rows[node] if node in on_trunk else rows[join] - above
    return [Spot(0.0 if node in on_trunk else columns.get(node, right), rows[node]) for node in range(len(inputs))]


def _users(inputs: Graph) -> Users:
    """The nodes that read each node."""
    users: Users = [[] for _ in inputs]
    for node, read in enumerate(inputs):
        for source in read:
            users[source].append(node)
    return users


def _trunk(inputs: Graph, joins: list[int], users: Users, end: int) -> set[int]:
    """The nodes on the way from `end` back to the image, branches left out."""
    trunk, node = {end}, end
    while inputs[node]:
        node = _fork(inputs, users, inputs[node][0]) if node in joins else inputs[node][0]
        trunk.add(node)
    return trunk


def _branch(inputs: Graph, users: Users, node: int) -> list[int]:
    """The nodes of the branch that ends with `node`, last first, back to the fork."""
    branch = [node]
    while len(inputs[node]) == 1 and len(users[inputs[node][0]]) == 1:
        node = inputs[node][0]
        branch.append(node)
    return branch


def _fork(inputs: Graph, users: Users, node: int) -> int:
    """The node where the branch that ends with `node` starts."""
    return inputs[_branch(inputs, users, node)[-1]][0]


def _columns(inputs: Graph, joins: list[int], users: Users, on_trunk: set[int]) -> dict[int, float]:
    """{node: x} of the nodes in branches, which are side by side around the trunk."""
    columns: dict[int, float] = {}
    for join in joins:
        for k, source in enumerate(inputs[join]):
            x = (k - (len(inputs[join]) - 1) / 2) * (WIDTH + GAP)
            columns |= {node: x for node in _branch(inputs, users, source) if node not in on_trunk}
    return columns


def _rows(inputs: Graph) -> list[int]:
    """The longest path to each node from a node without inputs."""
    rows: list[int] = []
    for read in inputs:
        rows.append(1 + max((rows[source] for source in read), default=-1))
    return rows
