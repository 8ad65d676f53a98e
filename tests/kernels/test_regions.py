"""Segments and hierarchies: the C kernels give the reference's results to the last bit, and both keep what the definitions promise."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minigoog.kernels import native, reference
from minigoog.kernels.region_checks import PARTS
from tests.kernels.judge import same_bits, unchanged
from tests.strategies import seeds


@st.composite
def pictures(draw):
    """(x float32 [h, w, c], k, min_size): few values, so that many edges weigh the same."""
    shape = (draw(st.integers(1, 14)), draw(st.integers(1, 14)), draw(st.integers(1, 4)))
    x = np.random.default_rng(draw(seeds)).integers(0, draw(st.sampled_from([1, 3, 200])), shape)
    return x.astype(np.float32), draw(st.sampled_from([0.0, 1.0, 30.0, 300.5])), draw(st.integers(0, 9))


def regions_of(r, h, w):
    """The arguments of region_hierarchy for random segments of a picture: connected, but that plays no part."""
    labels = reference.graph_segments(r.integers(0, 9, (h, w, 1)).astype(np.float32), 2.0, 2)
    n = int(labels.max()) + 1
    at = [np.argwhere(labels == i) for i in range(n)]
    boxes = np.array([[*where.min(axis=0)[::-1], *where.max(axis=0)[::-1] + 1] for where in at], np.int32)
    touching = np.concatenate([np.stack([labels[:, :-1], labels[:, 1:]], -1).reshape(-1, 2),
                               np.stack([labels[:-1], labels[1:]], -1).reshape(-1, 2)])  # fmt: skip
    pairs = np.unique(np.sort(touching, axis=1), axis=0)
    counts = [reference.region_histograms(labels, r.integers(0, bins, (c, h, w)).astype(np.uint8), bins) for c, bins in ((3, 5), (2, 11))]
    sizes = np.array([len(where) for where in at], np.int32)
    return {"neighbours": pairs[pairs[:, 0] != pairs[:, 1]], "sizes": sizes, "boxes": boxes, "colours": counts[0], "textures": counts[1]}


@st.composite
def hierarchies(draw):
    """Arguments of region_hierarchy."""
    made = regions_of(np.random.default_rng(draw(seeds)), draw(st.integers(1, 12)), draw(st.integers(1, 12)))
    return made | {"similarity": "".join(draw(st.lists(st.sampled_from(sorted(PARTS)), min_size=1, max_size=4, unique=True)))}


@given(case=pictures())
def test_segments_are_the_references(isa, case):
    with unchanged(case[0]):
        labels = native.graph_segments(*case)
    assert same_bits(labels, reference.graph_segments(*case))


@given(case=pictures())
def test_segments_are_a_partition_into_connected_parts_that_are_large_enough(isa, case):
    x, k, min_size = case
    labels = native.graph_segments(x, k, min_size)
    _, first, sizes = np.unique(labels, return_index=True, return_counts=True)
    assert np.array_equal(np.unique(labels), np.arange(labels.max() + 1)) and (np.diff(first) > 0).all()
    assert sizes.min() >= min(min_size, labels.size)
    for segment in range(labels.max() + 1):
        assert connected(labels == segment)


def connected(mask):
    """Whether the pixels of a mask are one part, over 8 neighbours."""
    reached = np.zeros_like(mask)
    reached.ravel()[mask.argmax()] = True
    while True:
        wide = np.pad(reached, 1)
        grown = mask & np.any([wide[i : i + mask.shape[0], j : j + mask.shape[1]] for i in range(3) for j in range(3)], axis=0)
        if np.array_equal(grown, reached):
            return bool((reached == mask).all())
        reached = grown


def test_two_flat_halves_are_two_segments_and_with_a_large_k_one(isa):
    x = np.zeros((6, 8, 3), np.float32)
    x[:, 3:] = 10  # over the border the difference is 10 sqrt(3) = 17.3
    assert native.graph_segments(x, 100.0, 1).tolist() == [[0, 0, 0, 1, 1, 1, 1, 1]] * 6
    assert native.graph_segments(x, 519.0, 1).max() == 1  # the larger half allows 519 / 30 = 17.30
    assert native.graph_segments(x, 520.0, 1).max() == 0  # 520 / 30 = 17.33


@given(case=hierarchies())
def test_hierarchies_are_the_references(isa, case):
    with unchanged(*(a for a in case.values() if not isinstance(a, str))):
        got = native.region_hierarchy(**case)
    assert all(map(same_bits, got, reference.region_hierarchy(**case)))


@given(case=hierarchies())
def test_a_hierarchy_ends_in_one_region_that_is_the_picture(isa, case):
    merged, boxes, _ = native.region_hierarchy(**case)
    n = len(case["sizes"])
    assert len(merged) == n - 1 and len(boxes) == 2 * n - 1 and sorted(merged.ravel().tolist()) == list(range(2 * n - 2))
    assert boxes[-1].tolist() == [0, 0, *case["boxes"][:, 2:].max(axis=0).tolist()]
    for i, (a, b) in enumerate(merged.tolist()):
        assert a < b < n + i
        assert boxes[n + i].tolist() == [*np.minimum(boxes[a], boxes[b])[:2].tolist(), *np.maximum(boxes[a], boxes[b])[2:].tolist()]


def test_the_first_merge_is_that_of_the_highest_similarity_by_the_papers_formulas(isa):
    case = regions_of(np.random.default_rng(3), 9, 9)
    (a, b), _, (similarity, *_) = (part[0] if i == 0 else part for i, part in enumerate(native.region_hierarchy(**case)))
    shares = {name: case[name] / case[name].sum(axis=(1, 2), keepdims=True) for name in ("colours", "textures")}
    best = {}
    for i, j in case["neighbours"].tolist():
        box = np.concatenate([np.minimum(case["boxes"][i], case["boxes"][j])[:2], np.maximum(case["boxes"][i], case["boxes"][j])[2:]])
        both = case["sizes"][i] + case["sizes"][j]
        common = sum(np.minimum(shares[name][i], shares[name][j]).sum() for name in shares)
        best[i, j] = common + 1 - both / 81 + 1 - ((box[2] - box[0]) * (box[3] - box[1]) - both) / 81
    assert similarity == pytest.approx(max(best.values()), rel=1e-6) and best[a, b] == pytest.approx(similarity, rel=1e-6)


def test_regions_that_do_not_touch_stay_apart(isa):
    case = regions_of(np.random.default_rng(0), 8, 8)
    merged, boxes, similarities = native.region_hierarchy(**case | {"neighbours": case["neighbours"][:1]})
    assert merged.tolist() == [case["neighbours"][0].tolist()] and len(boxes) == len(case["sizes"]) + 1 and len(similarities) == 1


def test_histograms_are_counts(isa):
    r = np.random.default_rng(0)
    segments, values = r.integers(0, 7, (20, 30)).astype(np.int32), r.integers(0, 256, (5, 20, 30)).astype(np.uint8)
    counts = native.region_histograms(segments, values, 256)
    assert same_bits(counts, reference.region_histograms(segments, values, 256))
    assert counts[3, 2, 17] == ((segments == 3) & (values[2] == 17)).sum()
    assert (counts.sum(axis=2) == np.bincount(segments.ravel())[:, None]).all()


def test_results_are_the_same_for_any_number_of_threads(isa, threads):
    r = np.random.default_rng(0)
    x, values = r.random((90, 120, 3)).astype(np.float32), r.integers(0, 9, (24, 90, 120)).astype(np.uint8)
    results = []
    for n in (1, 2, 5):
        threads(n)
        labels = native.graph_segments(x, 3.0, 5)
        results.append((labels, native.region_histograms(labels, values, 9)))
    assert all(same_bits(a, b) for other in results[1:] for a, b in zip(results[0], other, strict=True))


BAD = [
    ("graph_segments", {"x": np.full((2, 2, 1), np.nan, np.float32), "k": 1.0, "min_size": 1}, "`x` has values that are not finite"),
    ("graph_segments", {"x": np.ones((0, 2, 1), np.float32), "k": 1.0, "min_size": 1}, r"`x` has shape \(0, 2, 1\), expected at least 1"),
    ("graph_segments", {"x": np.ones((2, 2, 1), np.float32), "k": -1.0, "min_size": 1}, "`k` is -1.0, expected a finite number from 0"),
    ("region_histograms", {"segments": np.full((1, 2), 2, np.int32), "values": np.zeros((1, 1, 2), np.uint8), "n_bins": 1},
     "`segments` go from 2 to 2, expected 0 to"),
    ("region_histograms", {"segments": np.zeros((1, 2), np.int32), "values": np.ones((1, 1, 2), np.uint8), "n_bins": 1},
     "`values` go up to 1, expected less than `n_bins` 1"),
]  # fmt: skip


@pytest.mark.parametrize("kernels", [native, reference])
@pytest.mark.parametrize(("name", "arguments", "message"), BAD, ids=[message for *_, message in BAD])
def test_what_does_not_fit_is_refused_by_name(kernels, name, arguments, message):
    with pytest.raises(ValueError, match=f"{name}: {message}"):
        getattr(kernels, name)(**arguments)


@pytest.mark.parametrize(("changed", "message"), [
    ({"neighbours": np.array([[1, 0]], np.int32)}, "`neighbours` are not in order"),
    ({"neighbours": np.array([[0, 1], [0, 1]], np.int32)}, "`neighbours` are not in order"),
    ({"neighbours": np.array([[0, 10_000]], np.int32)}, "`neighbours` are not in order"),
    ({"colours": 2}, "`colours` do not add up to `sizes`"), ({"textures": -1}, "`textures` do not add up to `sizes`"),
    ({"sizes": -1}, "`sizes` or `boxes` are negative"), ({"similarity": "CX"}, "`similarity` is 'CX', expected some of the letters CTSF"),
])  # fmt: skip
def test_regions_that_are_none_are_refused_by_name(changed, message):
    case = regions_of(np.random.default_rng(0), 6, 6)
    changed = {name: case[name] * value if isinstance(value, int) else value for name, value in changed.items()}
    for kernels in (native, reference):
        with pytest.raises(ValueError, match=f"region_hierarchy: {message}"):
            kernels.region_hierarchy(**case | changed)
