"""Average linkage against a slow one that looks at everything each time, and modulo translation."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from minigoog.sparsity.clusters.linkage import average_linkage, linkage_clusters
from tests.strategies import seeds


def slow_linkage(likeness, threshold):
    """By definition: merge the two groups whose members are most alike on average, until no two reach the threshold."""
    groups = [[i] for i in range(len(likeness))]
    while len(groups) > 1:
        score, a, b = max((likeness[np.ix_(groups[i], groups[j])].mean(), i, j) for i in range(len(groups)) for j in range(i))
        if score < threshold:
            break
        groups[b] += groups.pop(a)
    return groups


@given(seed=seeds, n=st.integers(0, 14), threshold=st.floats(0.2, 0.8))
def test_average_linkage_is_its_definition(seed, n, threshold):
    likeness = np.random.default_rng(seed).random((n, n)).astype(np.float32)
    likeness = (likeness + likeness.T) / 2
    got, expected = average_linkage(likeness, threshold), slow_linkage(likeness.astype(float), threshold)
    assert sorted(map(sorted, got)) == sorted(map(sorted, expected))


def test_the_likenesses_are_not_modified():
    likeness = np.full((4, 4), 0.5, np.float32)
    average_linkage(likeness, 0.1)
    assert np.all(likeness == 0.5)


def test_one_cluster_comes_back_once_however_often_it_fits_into_the_window():
    """Channels 0, 1, 2 together, one pixel apart in a row; no other correlation."""
    phi = np.zeros((4, 9, 9, 4))
    for a in range(3):
        for b in range(3):
            if a != b:
                phi[a, 4, 4 + b - a, b] = 0.9
    assert linkage_clusters(phi, 0.5) == [((0, 0, 0), (1, 0, 1), (2, 0, 2))]
