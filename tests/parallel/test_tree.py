"""Sums over a fixed tree: the same bits for any number of processes, which MPI does not promise."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minigoog.parallel.tree import nodes, share, total
from tests.strategies import numbers


def shared_sum(leaves, processes):
    """The sum of arrays, which so many processes would compute: each its nodes, then the tree over these."""
    known = {}
    for rank in range(processes):
        for node in nodes(share(len(leaves), processes, rank), (0, len(leaves))):
            known[node] = total(node, lambda i: leaves[i].copy())
    return total((0, len(leaves)), lambda i: known[i, i + 1], known)


@given(st.integers(1, 40), st.data())
def test_the_sum_has_the_same_bits_for_any_number_of_processes(leaves, data):
    processes, each = data.draw(st.integers(1, leaves)), list(numbers(leaves, (leaves, 50)))
    found = shared_sum(each, processes)
    assert np.array_equal(found, shared_sum(each, 1))
    assert np.allclose(found, np.sum(each, axis=0, dtype=np.float64), rtol=1e-5, atol=1e-4)


def test_the_order_of_additions_does_change_the_bits():
    each = list(numbers(3, (8, 1000)))
    in_turn = each[0].copy()
    for array in each[1:]:
        in_turn += array
    assert not np.array_equal(in_turn, shared_sum(each, 1))


@given(st.integers(1, 200), st.integers(1, 64))
def test_the_nodes_of_all_processes_cover_every_leaf_once(leaves, processes):
    found = [node for rank in range(processes) for node in nodes(share(leaves, processes, rank), (0, leaves))]
    assert [leaf for first, last in found for leaf in range(first, last)] == list(range(leaves))


@pytest.mark.parametrize("processes", [1, 2, 4, 8])
def test_a_process_of_a_power_of_two_has_one_node(processes):
    assert all(len(nodes(share(8, processes, rank), (0, 8))) == 1 for rank in range(processes))
