"""Run by test_communicator.py on several processes: sums of random parts, compared with the sum by one process."""

import numpy as np

from minigoog.parallel import Ranks, world
from minigoog.parallel.tree import nodes, share, total

LEAVES = 8
ranks = world("sums")
assert isinstance(ranks, Ranks)
mine = nodes(share(LEAVES, ranks.size, ranks.rank), (0, LEAVES))
for n in (1_000, 10_000, 1_000_000):
    leaf = list(np.random.default_rng(n).standard_normal((LEAVES, n), np.float32)).__getitem__
    found = ranks.tree_sum("a sum", {node: total(node, lambda i, leaf=leaf: leaf(i).copy()) for node in mine}, LEAVES, n)
    assert np.array_equal(found, total((0, LEAVES), lambda i, leaf=leaf: leaf(i).copy())), n
counts = [0 if rank == 1 else 3 for rank in range(ranks.size)]
own = np.full((counts[ranks.rank], 2), ranks.rank, np.float32)
assert ranks.rows("rows", own, counts)[:, 0].tolist() == [rank for rank, count in enumerate(counts) for _ in range(count)]
assert ranks.gather("values", {"rank": ranks.rank}) == [{"rank": rank} for rank in range(ranks.size)]
print(f"rank {ranks.rank} is done")
