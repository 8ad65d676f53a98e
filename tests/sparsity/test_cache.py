"""The simulated cache against cases counted by hand and against stack distances; the streams against the kernels' own loops."""

import numpy as np
import pytest

from minigoog.kernels.sparse_pattern import SparsePattern
from minigoog.sparsity.speed import cache
from minigoog.sparsity.speed.cache_misses import CACHE_MISSES
from minigoog.sparsity.speed.contest import random_pattern


def test_two_ways_hold_two_lines_of_a_set_and_throw_out_the_one_least_recently_used():
    two_sets = cache.Cache(4 * 64, 2)
    assert two_sets.missed([0, 2, 0, 4, 0, 2]) == [0, 2, 4, 2]  # all even: one set; 4 evicts 2, since 0 was used later
    assert two_sets.missed([1, 3, 1]) == [1, 3]  # the other set
    assert two_sets.missed([2, 0]) == []  # which has thrown out nothing here


def test_a_line_is_evicted_after_as_many_other_lines_of_its_set_as_there_are_ways():
    """The definition of least recently used, by stack distance (Mattson et al. 1970)."""
    rng, sets, ways = np.random.default_rng(0), 4, 3
    lines = rng.integers(0, 24, 500).tolist()
    expected = []
    for i, line in enumerate(lines):
        before = [j for j in range(i) if lines[j] == line]
        between = {other for other in lines[before[-1] + 1 : i] if other % sets == line % sets} if before else None
        if between is None or len(between) >= ways:
            expected.append(line)
    assert cache.Cache(sets * ways * 64, ways).missed(lines) == expected


def test_a_short_stream_is_restarted_and_counted_when_the_cache_is_warm():
    stream = [(np.arange(0, 160, 16), 5), (np.arange(160, 320, 16), 5)]  # 20 lines, 10 multiply-adds
    assert cache.misses(stream, 1000) == {"accesses": 2000, "misses": 0}
    far = [(np.arange(0, 1 << 20, 16), 1000)]  # 4 MiB again and again
    assert cache.misses(far, 1 << 18)["misses"] == 1 << 16



@pytest.mark.parametrize("k", [1, 3])
def test_the_streams_do_every_multiply_add_of_the_layer_once(k):
    h, w = 14, 16  # 224 pixels, two tasks of 112; a row of 16 positions, or of 17, which are 24
    csr = random_pattern((k, k, 24, 64), 0.2, 1, np.random.default_rng(0))
    wide = random_pattern((k, k, 400, 24), 0.2, 1, np.random.default_rng(0))  # in parts
    blocks = random_pattern((k, k, 24, 64), 0.2, 32, np.random.default_rng(0))
    assert sum(n for _, n in cache.textbook(h, w, csr)) == h * w * csr.n_weights
    assert sum(n for _, n in cache.tiles(h, w, blocks)) == h * w * blocks.n_weights
    positions = -(-(h + k // 2) * (w if k == 1 else 24) // 16) * 16  # padding is multiplied too, in whole vectors
    for pattern in (csr, wide):
        assert sum(n for _, n in cache.csr(h, w, pattern)) == positions * pattern.n_weights
        outputs, counts = np.unique(addresses(cache.csr(h, w, pattern), 3), return_counts=True)
        assert np.array_equal(outputs % pattern.shape[3] % 16, np.zeros(len(outputs))) and set(counts) == {1}
        assert len(outputs) == positions * -(-pattern.shape[3] // 16)
    assert len(cache.in_parts(wide, wide.col_indices % 400, k * 96)[0]) > 24 + 1 == len(cache.in_parts(wide, wide.col_indices % 400, 1)[0])


def addresses(stream, array):
    """The addresses of a stream that lie in one of its arrays, from that array's beginning."""
    all_of_them = np.concatenate([found for found, _ in stream])
    return all_of_them[all_of_them // cache.APART == array] - array * cache.APART


def test_the_textbook_reads_the_numbers_of_the_padded_map_that_its_weights_multiply():
    mask = np.zeros((3, 3, 2, 2), bool)
    mask[0, 1, 1, 0] = mask[2, 2, 0, 1] = True
    found = addresses(cache.textbook(4, 5, SparsePattern.from_mask(mask)), 0)
    padded = np.arange(6 * 7 * 2).reshape(6, 7, 2)
    expected = [[padded[y, x + 1, 1], padded[y + 2, x + 2, 0]] for y in range(4) for x in range(5)]
    assert found.tolist() == np.ravel(expected).tolist()


def test_dense_tiles_read_each_weight_once_for_14_pixels_and_write_each_output_once():
    h, w, shape = 7, 16, (1, 1, 8, 64)
    stream = list(cache.tiles(h, w, SparsePattern.from_mask(np.ones(shape, bool), 32)))
    weights, counts = np.unique(addresses(stream, 1), return_counts=True)
    assert np.array_equal(weights, np.arange(0, 8 * 64, 16)) and set(counts) == {h * w // 14}
    assert np.array_equal(np.sort(addresses(stream, 3)), np.arange(0, h * w * 64, 16))
    assert not len(addresses(stream, 2))  # no list of columns


@pytest.mark.parametrize("csr, verdict", [((2.1, 3.0), "holds"), ((1.9, 3.0), "holds partly"), ((1.0, 1.9), "contradicted")])
def test_the_verdict_on_cache_misses_follows_its_rule(csr, verdict):
    others = {"blocks": (0.1, (5.0, 5.0)), "textbook": (0.1, (90.0, 90.0))}
    kernels = {"dense": (1.0, (5.0, 10.0)), "CSR": (0.1, (5 * csr[0], 10 * csr[1]))} | others
    rows = [{"layer": layer, "kernel": kernel, "density": density, "misses": misses[i]}
            for i, layer in enumerate("ab") for kernel, (density, misses) in kernels.items()]
    found, why, _ = CACHE_MISSES.judge({"rows": rows})
    assert found == verdict and f"{csr[0]:.1f} to {csr[1]:.1f} times" in why
