"""Co-occurrences of binary maps: counts are integers, so the C kernel must give the reference's, to the last one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minigoog.kernels import native, reference
from tests.kernels.judge import unchanged
from tests.strategies import batches, channels, seeds, sizes


@st.composite
def binary_maps(draw):
    """(maps bool [n, h, w, c], radius)."""
    n, h, w, c = draw(batches), draw(sizes), draw(sizes), draw(channels)
    radius = draw(st.integers(0, min(4, max(h, w) - 1)))
    density = draw(st.sampled_from([0.0, 0.02, 0.3, 1.0])) if n * h * w * c < 20_000 else 0.02
    return np.random.default_rng(draw(seeds)).random((n, h, w, c)) < density, radius


@given(case=binary_maps())
def test_counts_are_the_reference_exactly(isa, case):
    maps, radius = case
    with unchanged(maps):
        counts = native.cooccurrences(maps, radius)
    expected = reference.cooccurrences(maps, radius)
    assert counts.dtype == expected.dtype == np.int32
    assert np.array_equal(counts, expected)


@given(case=binary_maps())
def test_the_reference_is_the_definition(case):
    maps, radius = case
    n, h, w, c = maps.shape
    counts = reference.cooccurrences(maps, radius)
    generator = np.random.default_rng(0)
    for _ in range(5):
        a, b = generator.integers(c, size=2)
        dy, dx = generator.integers(-radius, radius + 1, 2)
        met = sum(maps[i, y, x, a] and maps[i, y + dy, x + dx, b] for i in range(n) for y in range(max(0, -dy), min(h, h - dy))
                  for x in range(max(0, -dx), min(w, w - dx)))
        assert counts[a, radius + dy, radius + dx, b] == met


@given(case=binary_maps())
def test_a_pair_is_counted_the_same_from_both_ends(isa, case):
    counts = native.cooccurrences(*case)
    assert np.array_equal(counts, counts[:, ::-1, ::-1].transpose(3, 1, 2, 0))


def test_maps_may_have_any_strides(isa):
    maps = np.random.default_rng(0).random((3, 8, 9, 20)) < 0.2
    for view in (maps[:, ::2, 1:], maps.transpose(0, 2, 1, 3), maps[..., ::-3]):
        assert np.array_equal(native.cooccurrences(view, 2), reference.cooccurrences(view, 2))


def test_many_channels_are_counted_in_several_blocks(isa, threads):
    """More counters than a task has: the blocks must meet without a gap, on any number of threads."""
    maps = np.random.default_rng(0).random((30, 1, 1, 1500)) < 0.05
    expected = reference.cooccurrences(maps)
    for n in (1, 2, 5):
        threads(n)
        assert np.array_equal(native.cooccurrences(maps), expected)


@pytest.mark.parametrize("shape", [(0, 3, 3, 2), (2, 0, 3, 2), (2, 3, 3, 0)])
def test_empty_maps_count_nothing(isa, shape):
    assert native.cooccurrences(np.ones(shape, bool)).shape == (shape[3], 1, 1, shape[3])
    assert not native.cooccurrences(np.ones(shape, bool)).any()
