"""Co-clustering finds planted blocks and none in random masks; blocks and rest together are the whole; the verdict's rule."""

import numpy as np
import pytest

from minigoog.kernels import reference
from minigoog.sparsity.clusters import co_clustering
from minigoog.sparsity.clusters.co_clustering import agreement, co_clusters, fill, greedy_groups, planted
from minigoog.sparsity.speed import blocks
from minigoog.sparsity.speed.blocks import BLOCKS, CASES, CLUSTERED, RANDOM, SHAPE


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("inside, outside, least", [(0.95, 0.0, 1.0), (0.8, 0.01, 1.0), (0.6, 0.03, 0.98)])
def test_hidden_blocks_are_found_without_knowing_how_many_there_are(inside, outside, least, seed):
    mask, row, column = planted(np.random.default_rng(seed), inside, outside, SHAPE)
    rows, columns = co_clusters(mask.astype(float))
    assert rows.max() == columns.max() == 7
    assert agreement(rows, row) >= least and agreement(columns, column) >= least
    within = rows[:, None] == columns
    assert mask[within].mean() == pytest.approx(inside, abs=0.03)


@pytest.mark.parametrize("seed", range(2))
def test_a_random_mask_has_no_blocks_to_find(seed):
    """Told to look for eight, it finds clusters that chance has filled to a fifth; planted ones at the same density are 95% full."""
    mask = np.random.default_rng(seed).random(SHAPE) < 0.11
    rows, columns = co_clusters(mask.astype(float), 8)
    assert mask[rows[:, None] == columns].mean() < 0.25


@pytest.mark.parametrize("seed", range(8))
def test_a_matrix_with_empty_rows_and_columns_is_clustered_all_the_same(seed):
    n = 2 + seed % 6
    mask, row, column = planted(np.random.default_rng(seed), 0.9, 0.0, (48, 64), n)
    mask[5], mask[:, 7] = False, False
    rows, columns = co_clusters(mask.astype(float))
    assert rows.max() == n - 1
    assert agreement(np.delete(rows, 5), np.delete(row, 5)) == 1 and agreement(np.delete(columns, 7), np.delete(column, 7)) == 1


@pytest.mark.parametrize("n", [2, 3, 4])
@pytest.mark.parametrize("seed", range(4))
def test_clusters_do_not_depend_on_the_basis_that_the_svd_picks_for_equal_singular_values(seed, n, monkeypatch):
    """Separate blocks have several singular values of 1, whose vectors may be rotated: BLAS libraries and processors differ in them."""
    rng, svd = np.random.default_rng(seed), np.linalg.svd

    def rotated(a, full_matrices):
        u, s, vt = svd(a, full_matrices=full_matrices)
        equal = np.isclose(s, s[0])
        rotation = np.linalg.qr(rng.standard_normal((equal.sum(), equal.sum())))[0]
        u[:, equal], vt[equal] = u[:, equal] @ rotation, rotation.T @ vt[equal]
        return u, s, vt

    monkeypatch.setattr(np.linalg, "svd", rotated)
    mask, row, column = planted(rng, 0.9, 0.0, (48, 64), n)
    rows, columns = co_clusters(mask.astype(float))
    assert agreement(rows, row) == agreement(columns, column) == 1


def test_a_matrix_without_weights_or_with_few_columns_is_clustered():
    assert [len(labels) for labels in co_clusters(np.zeros((20, 6)))] == [20, 6]
    mask, row, column = planted(np.random.default_rng(0), 1.0, 0.0, (20, 6), 3)
    rows, columns = co_clusters(mask.astype(float))
    assert agreement(rows, row) == agreement(columns, column) == 1


def test_agreement_counts_what_matches_whatever_clusters_are_called():
    hidden = np.array([0, 0, 0, 1, 1, 1])
    assert agreement(np.array([1, 1, 1, 0, 0, 0]), hidden) == 1
    assert agreement(np.array([1, 1, 2, 0, 0, 1]), hidden) == 4 / 6
    assert agreement(np.zeros(6, int), hidden) == 3 / 6  # one cluster of all is the half of two


def test_grouping_rows_finds_equal_rows_and_does_little_for_random_ones():
    rng = np.random.default_rng(0)
    kinds = rng.random((4, 100)) < 0.2
    mask = kinds[rng.permutation(np.repeat(np.arange(4), 8))]
    order = greedy_groups(mask)
    assert sorted(order) == list(range(32)) and fill(mask[order]) == 1 > fill(mask)
    random = rng.random((256, 512)) < 0.1
    assert fill(random) < fill(random[greedy_groups(random)]) < 1.2 * fill(random)
    assert fill(random) == pytest.approx(0.1 / (1 - 0.9**8), rel=0.02)  # an entry of a block of 8 rows is needed with this probability


@pytest.mark.parametrize("inside, outside", [(0.95, 0.0), (0.3, 0.08), (0.11, 0.11)])
def test_blocks_and_rest_are_the_whole_with_its_channels_sorted(native, inside, outside):
    rng = np.random.default_rng(0)
    mask, _, _ = planted(rng, inside, outside, (100, 60), 3)  # clusters of no whole blocks of 32
    rows, columns = co_clusters(mask.astype(float))
    w = np.where(mask, rng.standard_normal(mask.shape), 0).astype(np.float32).T.copy()
    x = rng.standard_normal((2, 5, 5, 60), np.float32)
    order, block_pattern, rest = blocks.split(w, rows, columns)
    y = blocks.split_run(x, w[:, order], block_pattern, rest)()
    exact = reference.conv2d(x.astype(np.float64), w[None, None].astype(np.float64))
    assert np.allclose(y, exact[..., order], atol=1e-4)
    kept = (block_pattern.scatter(np.ones(block_pattern.values_shape)) != 0)[0, 0] & (w[:, order] != 0)
    assert kept.sum() + (rest.n_weights if rest else 0) == mask.sum()  # no weight twice, none left out


def test_random_masks_put_few_weights_into_blocks_and_planted_ones_nearly_all():
    facts = {}
    for name in (*CLUSTERED, RANDOM):
        mask, row, column = planted(np.random.default_rng(0), *CASES[name], SHAPE)
        facts[name] = blocks.case_facts(mask, (row, column), co_clusters(mask.astype(float), 8))
    assert all(facts[name]["inside"] > 0.9 for name in CLUSTERED) and facts[RANDOM]["inside"] < 0.3


def case(csr, clusters):
    facts = {"clusters": 8, "recovered": 1.0, "fill": 0.9, "inside": 1.0, "density": 0.1, "fill_8": 0.1, "fill_8_grouped": 0.2}
    rows = [{"kernel": kernel, "ms": ms, "best_dense": "plan"} for kernel, ms in (("plan", 2.0), ("CSR", csr), ("clusters", clusters))]
    return {"facts": facts, "rows": rows}


@pytest.mark.parametrize("clustered, random, verdict", [
    ((1.7, 1.3), 1.0, "holds"),
    ((1.7, 1.3), 0.7, "holds partly"),  # it takes clusters to find clusters
    ((1.7, 1.1), 1.0, "holds partly"),
    ((1.1, 1.3), 1.0, "contradicted"),
])
def test_the_verdict_on_blocks_follows_its_rule(clustered, random, verdict):
    gains = dict(zip(CLUSTERED, clustered, strict=True)) | {RANDOM: random}
    numbers = {"cases": {name: case(1.0, 1 / gains.get(name, 0.5)) for name in CASES}}
    found, why, _ = BLOCKS.judge(numbers)
    assert found == verdict and f"{min(clustered):.1f} to {max(clustered):.1f} times as fast" in why and f"{random:.2f} times" in why


def test_k_means_finds_clouds_that_lie_apart():
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(5), 20)
    points = 10 * np.eye(5)[labels] + rng.standard_normal((100, 5))
    assert agreement(co_clustering.k_means(points, 5, rng), labels) == 1
