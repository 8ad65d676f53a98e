"""IoU and non-maximum suppression, against torchvision, OpenCV and by their properties."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minigoog.detection import iou, nms
from minigoog.detection.boxes import areas, checked, clipped, distinct, from_inclusive
from tests.answers import asked
from tests.detection.scenes import random_boxes

SEEDS = (0, 1)


def case(seed, n=60):
    r = np.random.default_rng(seed)
    boxes = np.round(random_boxes(r, n, 90) * 8) / 8
    return boxes, (r.permutation(n) + 1) / n, r.integers(0, 3, n)


@asked("torchvision", *SEEDS)
def torchvisions_iou(seed):
    import torch
    from torchvision import ops

    boxes = torch.tensor(case(seed)[0])
    return {"iou": ops.box_iou(boxes[:12], boxes[12:24]).numpy()}


@asked("opencv-python-headless", *SEEDS)
def opencvs_nms(seed):
    import cv2

    boxes, scores, labels = case(seed)
    rectangles = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1).tolist()
    answers = {f"nms {t}": np.ravel(cv2.dnn.NMSBoxes(rectangles, scores.tolist(), 0.0, t)) for t in (0.3, 0.5)}
    return answers | {"by class": np.ravel(cv2.dnn.NMSBoxesBatched(rectangles, scores.tolist(), labels.tolist(), 0.0, 0.3))}


@pytest.mark.parametrize("seed", SEEDS)
def test_iou_is_that_of_torchvision_and_nms_that_of_opencv(seed):
    answers, (boxes, scores, labels) = opencvs_nms(seed), case(seed)
    assert np.allclose(iou(boxes[:12], boxes[12:24]), torchvisions_iou(seed)["iou"], rtol=1e-15, atol=0)
    assert nms(boxes, scores, 0.3).tolist() == answers["nms 0.3"].tolist()
    assert nms(boxes, scores, 0.5).tolist() == answers["nms 0.5"].tolist()
    assert sorted(nms(boxes, scores, 0.3, labels)) == sorted(answers["by class"].tolist())  # OpenCV gives one class after the other


@given(st.integers(0, 10_000), st.sampled_from([0.0, 0.3, 0.5, 1.0]))
def test_nms_keeps_the_best_is_idempotent_and_does_not_depend_on_the_order(seed, threshold):
    boxes, scores, _ = case(seed, 25)
    kept = nms(boxes, scores, threshold)
    assert kept[0] == scores.argmax() and (np.diff(scores[kept]) < 0).all()
    assert np.array_equal(kept[nms(boxes[kept], scores[kept], threshold)], kept)
    turn = np.random.default_rng(seed).permutation(25)
    assert np.array_equal(turn[nms(boxes[turn], scores[turn], threshold)], kept)
    overlaps = iou(boxes, boxes[kept])
    assert (overlaps.max(axis=1) > threshold)[np.setdiff1d(np.arange(25), kept)].all()
    assert (overlaps[kept] - np.eye(len(kept)) <= threshold).all()


def test_a_box_whose_iou_equals_the_threshold_stays():
    boxes = [[0, 0, 10, 1], [0, 0, 3, 1]]  # IoU 3/10
    assert nms(boxes, [1, 0], 0.3).tolist() == [0, 1] and nms(boxes, [1, 0], 0.29).tolist() == [0]


def test_of_equal_scores_the_first_is_the_better_one():
    assert nms([[0, 0, 4, 4], [0, 0, 4, 5], [9, 9, 10, 10]], [0.5, 0.5, 0.5]).tolist() == [0, 2]


def test_boxes_without_area_overlap_nothing():
    assert iou([[0, 0, 0, 0], [5, 5, 1, 1]], [[0, 0, 0, 0], [0, 0, 9, 9]]).tolist() == [[0, 0], [0, 0]]
    assert iou([], [[0, 0, 1, 1]]).shape == (0, 1) and nms([], []).tolist() == []


def test_a_pixel_of_voc_is_a_box_of_one_pixel():
    assert from_inclusive(np.array([[1.0, 1, 1, 1]])).tolist() == [[0, 0, 1, 1]] and areas(np.array([[3.0, 3, 4, 4]])).tolist() == [1]


def test_clipped_and_distinct():
    assert clipped(np.array([[-1.0, 2, 30, 9]]), 8, 20).tolist() == [[0, 2, 20, 8]]
    assert distinct(np.array([[1, 2, 3, 4], [0, 0, 1, 1], [1, 2, 3, 4]])).tolist() == [True, True, False]


@pytest.mark.parametrize(("boxes", "message"), [
    ([[1, 2, 3]], r"`a` has shape \(1, 3\), expected \[n, 4\]"), ([[1, 2, 3, np.nan]], "`a` has values that are not finite"),
])  # fmt: skip
def test_what_is_no_box_is_refused_by_name(boxes, message):
    with pytest.raises(ValueError, match=f"iou: {message}"):
        iou(boxes, [])


def test_what_is_no_number_is_refused():
    with pytest.raises(TypeError, match="f: `boxes` is <U1, expected numbers"):
        checked("f", "boxes", [["a"] * 4])
    with pytest.raises(ValueError, match=r"nms: `scores` has shape \(2,\), expected \(1,\)"):
        nms([[0, 0, 1, 1]], [1, 2])
