"""What judges a crop: windows and their classes, box regression, SVMs with hard negatives."""

import numpy as np
import pytest

from minigoog.detection import Objects, iou
from minigoog.detection.rcnn import heads, regression, svm, windows
from minigoog.detection.rcnn.windows import BACKGROUND
from tests.detection.scenes import random_boxes


def objects(seed, n=5, difficult=()):
    r = np.random.default_rng(seed)
    return Objects(random_boxes(r, n), r.integers(0, 3, n), np.isin(np.arange(n), difficult))


# ---- windows ----


def test_windows_have_the_class_of_their_best_object():
    there, r = objects(0), np.random.default_rng(1)
    boxes = np.concatenate([there.boxes + r.normal(0, 5, (5, 4)), random_boxes(r, 30)])
    found = windows.labelled(boxes, there, 3)
    overlaps = iou(np.concatenate([there.boxes, boxes]), there.boxes)
    assert found.true.tolist() == [True] * 5 + [False] * 35 and found.labels[:5].tolist() == there.labels.tolist()
    for row, label, target, by_class in zip(overlaps, found.labels, found.targets, found.overlaps, strict=True):
        best = int(row.argmax())
        assert label == (there.labels[best] if row[best] >= 0.5 else BACKGROUND) and target.tolist() == there.boxes[best].tolist()
        assert by_class.tolist() == [max((row[i] for i in range(5) if there.labels[i] == c), default=0) for c in range(3)]


def test_windows_of_difficult_objects_are_left_out():
    there = objects(0, difficult=(1,))
    found = windows.labelled(there.boxes, there, 3)
    assert len(found.boxes) == 8 and there.boxes[1].tolist() not in found.boxes.tolist()


def test_a_picture_without_objects_is_background():
    nothing = Objects(np.zeros((0, 4)), np.zeros(0, int), np.zeros(0, bool))
    found = windows.labelled(random_boxes(np.random.default_rng(0), 4), nothing, 3)
    assert (found.labels == BACKGROUND).all() and found.overlaps.shape == (4, 3) and not found.overlaps.any()
    assert len(windows.drawn(found, 3, 2, np.random.default_rng(0)).labels) == 2


def test_the_pool_has_every_object_and_no_more_windows_than_asked_for():
    there, r = objects(2), np.random.default_rng(3)
    near = np.repeat(there.boxes, 20, axis=0) + r.normal(0, 2, (100, 4))
    found = windows.drawn(windows.labelled(np.concatenate([near, random_boxes(r, 50)]), there, 3), 4, 10, r)
    positive = found.labels != BACKGROUND
    assert found.true.sum() == 5 and (~positive).sum() == 10
    counts = np.unique(found.targets[positive & ~found.true], axis=0, return_counts=True)[1]
    assert counts.tolist() == [4] * 5 and 0 < found.mirrored.sum() < len(found.labels)


def test_a_quarter_of_a_batch_has_a_class():
    labels = np.array([BACKGROUND] * 90 + [0] * 5 + [2] * 5)
    chosen = windows.batch(labels, 128, 0.25, 0.0, np.random.default_rng(0))
    assert len(chosen) == 128 and (labels[chosen] != BACKGROUND).sum() == 32
    assert (windows.batch(np.full(9, BACKGROUND), 16, 0.25, 0.0, np.random.default_rng(0)) < 9).all()


@pytest.mark.parametrize(("balance", "expected"), [(0.0, 1 / 10), (0.5, 1 / 4), (1.0, 1 / 2)])
def test_rare_classes_get_their_share_of_a_batch(balance, expected):
    labels = np.array([BACKGROUND] * 10 + [0] * 900 + [2] * 100)
    chosen = windows.batch(labels, 40_000, 0.25, balance, np.random.default_rng(0))
    assert (labels[chosen] == 2).sum() / 10_000 == pytest.approx(expected, abs=0.02)


# ---- box regression ----


def test_targets_by_hand_and_back():
    box, wanted = np.array([[10.0, 20, 30, 60]]), np.array([[15.0, 20, 35, 100]])
    targets = regression.targets_of(box, wanted)
    assert np.allclose(targets, [[0.25, 0.5, 0, np.log(2)]]) and np.allclose(regression.moved(box, targets), wanted)
    assert np.allclose(regression.targets_of(box, wanted, np.array([True])), [[-0.25, 0.5, 0, np.log(2)]])
    r = np.random.default_rng(0)
    a, b = random_boxes(r, 50), random_boxes(r, 50)
    assert np.allclose(regression.moved(a, regression.targets_of(a, b)), b)


@pytest.mark.parametrize("n", [30, 200])  # fewer and more rows than features
def test_ridge_regression_is_that_of_scikit_learn(n):
    linear_model = pytest.importorskip("sklearn.linear_model")
    r = np.random.default_rng(n)
    x = r.normal(0, 2, (n, 60)).astype(np.float32)
    y = x[:, :4] @ r.normal(0, 0.1, (4, 4)) + r.normal(0, 0.05, (n, 4)) + 0.3
    found = regression.ridge(x, y, 10.0)
    mean = y.mean(axis=0)
    values, vectors = np.linalg.eigh(np.cov(y.T, bias=True))
    white = vectors @ np.diag(1 / np.sqrt(values + 1e-3)) @ vectors.T
    judge = linear_model.Ridge(alpha=10.0, fit_intercept=False).fit(np.hstack([x, np.ones((n, 1))]), (y - mean) @ white)
    expected = judge.predict(np.hstack([x, np.ones((n, 1))])) @ np.linalg.inv(white) + mean
    assert np.abs(found.targets(x) - expected).max() < 1e-4


def test_a_regression_far_from_its_data_stays_finite():
    moved = regression.moved(np.array([[0.0, 0, 10, 10]]), np.array([[0.0, 0, 1e6, -1e6]]))
    assert np.isfinite(moved).all() and moved[0, 2] - moved[0, 0] == pytest.approx(625)


# ---- SVMs ----


def clouds(n=400, seed=0):
    """Features, true classes, overlaps and pictures of windows of 2 classes around two points."""
    r = np.random.default_rng(seed)
    labels = np.where(np.arange(n) % 4 == 0, r.integers(0, 2, n), BACKGROUND)
    x = (r.normal(0, 1, (n, 20)) + np.eye(20)[labels] * 4 * (labels >= 0)[:, None]).astype(np.float32)
    overlaps = np.stack([(labels == c).astype(float) for c in (0, 1)], axis=1)
    return x, labels, overlaps, np.arange(n) // 10


def test_an_svm_is_liblinears_when_all_negatives_are_taken():
    module = pytest.importorskip("sklearn.svm")
    x, labels, overlaps, pictures = clouds()
    found, scale = svm.trained(x, labels, overlaps, pictures, heads.norm_scale(x)), heads.norm_scale(x)
    assert np.linalg.norm(x * scale, axis=1).mean() == pytest.approx(20, rel=1e-5)
    for label in (0, 1):
        judge = module.LinearSVC(C=1e-3, loss="hinge", intercept_scaling=10, class_weight={0: 1, 1: 2}, random_state=1, max_iter=100_000)
        judge.fit(x * scale, labels == label)
        scores = judge.decision_function(x * scale)
        assert np.abs(found.scores(x)[:, label] - scores).max() < 0.02 * np.abs(scores).max()
        assert (found.scores(x)[:, label] > 0)[labels == label].mean() > 0.9


def test_hard_negatives_come_in_and_easy_ones_go(monkeypatch):
    pytest.importorskip("sklearn")
    x, labels, overlaps, pictures = clouds()
    sizes, fitted = [], svm._fitted
    monkeypatch.setattr(svm, "RETRAIN", 100)
    monkeypatch.setattr(svm, "_fitted", lambda x, positive, used, scale: sizes.append(used.sum()) or fitted(x, positive, used, scale))
    mined = svm.trained(x, labels, overlaps, pictures, heads.norm_scale(x))
    assert sizes[0] >= 100 and len(sizes) > 2 and max(sizes) < 320
    monkeypatch.setattr(svm, "RETRAIN", 10**9)
    whole = svm.trained(x, labels, overlaps, pictures, heads.norm_scale(x))
    assert np.corrcoef(mined.scores(x)[:, 0], whole.scores(x)[:, 0])[0, 1] > 0.99


def test_a_class_without_objects_is_never_found():
    x, labels, overlaps, pictures = clouds()
    pytest.importorskip("sklearn")
    found = svm.trained(x, np.where(labels == 1, BACKGROUND, labels), overlaps, pictures, 1.0)
    assert (found.scores(x)[:, 1] < -1e8).all()


# ---- features ----


def test_cells_of_large_maps_are_means_of_nine_parts():
    y = np.arange(2 * 7 * 6 * 1, dtype=np.float32).reshape(2, 7, 6, 1)
    found = heads.features_of([y])
    assert np.array_equal(found.means, y.mean(axis=(1, 2)))
    expected = [[y[i, a:b, c : c + 2].mean() for a, b in ((0, 3), (2, 5), (4, 7)) for c in (0, 2, 4)] for i in range(2)]
    assert np.allclose(found.cells, expected)
    small = np.random.default_rng(0).normal(0, 1, (2, 2, 3, 5)).astype(np.float32)
    assert np.array_equal(heads.features_of([small]).cells, small.reshape(2, -1))
