"""Average precision and recall: against pycocotools, mean-average-precision, and numbers that can be counted by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minigoog.detection import RULES, Detections, Objects, average_precision, coverage, evaluate
from minigoog.detection.measuring.matching import thresholds
from minigoog.detection.measuring.rules import described
from tests.answers import asked
from tests.detection import judges
from tests.detection.scenes import CLASSES, scenes

SEEDS = (0, 1, 2)


@asked("pycocotools", *SEEDS)
def cocos_answers(seed):
    objects, detections = scenes(seed, difficult=0.2)
    return {"ap": judges.coco_ap(objects, detections)}


@asked("mean-average-precision", *SEEDS)
def vocs_answers(seed):
    return {f"ap {points}": judges.voc_ap(*scenes(seed), points) for points in (0, 11)}


def aps(result):
    return np.array([np.nan if each.ap is None else each.ap for each in result.classes])


@pytest.mark.parametrize("seed", SEEDS)
def test_average_precision_is_that_of_pycocotools_also_with_crowds(seed):
    objects, detections = scenes(seed, difficult=0.2)
    theirs = np.where((answer := cocos_answers(seed)["ap"]) < 0, np.nan, answer)
    assert np.allclose(aps(evaluate(objects, detections, CLASSES, "coco")), theirs.mean(axis=0), rtol=0, atol=1e-12, equal_nan=True)
    assert np.allclose(aps(evaluate(objects, detections, CLASSES, "coco50")), theirs[0], rtol=0, atol=1e-12, equal_nan=True)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("rule", "points"), [("voc", 0), ("voc07", 11)])
def test_average_precision_of_voc_is_that_of_mean_average_precision(seed, rule, points):
    ours, theirs = aps(evaluate(*scenes(seed), CLASSES, rule)), vocs_answers(seed)[f"ap {points}"]
    assert np.allclose(ours[:3], theirs[:3], rtol=0, atol=1e-6) and np.isnan(ours[3])


# ---- by hand ----

A, B = [0.0, 0, 10, 10], [100.0, 0, 110, 10]


def objects_of(*boxes, difficult=()):
    return [Objects(np.array(boxes, float).reshape(-1, 4), np.zeros(len(boxes), int), np.isin(np.arange(len(boxes)), difficult))]


def found(*boxes):
    """Detections of class 0, the first one with the highest score."""
    return [Detections(np.array(boxes, float).reshape(-1, 4), np.zeros(len(boxes), int), -np.arange(len(boxes)))]


def ap(objects, detections, rule="voc"):
    return evaluate(objects, detections, ["x"], rule).classes[0].ap


def test_true_false_true_gives_each_rule_its_own_number():
    """Precision 1, 1/2, 2/3 at recall 1/2, 1/2, 1: the envelope is 1 up to recall 1/2 and 2/3 after it."""
    objects, detections = objects_of(A, B), found(A, [50, 50, 60, 60], B)
    assert ap(objects, detections, "voc07") == pytest.approx((6 * 1 + 5 * 2 / 3) / 11)
    assert ap(objects, detections, "voc") == pytest.approx((1 + 2 / 3) / 2)
    assert ap(objects, detections, "coco50") == pytest.approx((51 * 1 + 50 * 2 / 3) / 101)


def test_a_second_detection_of_an_object_is_wrong():
    result = evaluate(objects_of(A, B), found(A, A, B), ["x"]).classes[0]
    assert (result.detections, result.true) == (3, 2) and result.ap == pytest.approx((1 + 2 / 3) / 2)


def test_a_double_beside_a_free_neighbour_is_wrong_in_voc_and_right_in_coco():
    """The second detection overlaps the taken object more (IoU 1) than the free one (IoU 6/10)."""
    objects, detections = objects_of(A, [0, 4, 10, 10]), found(A, A)
    assert ap(objects, detections, "voc") == 0.5 and ap(objects, detections, "coco50") == 1.0 == ap(objects, detections, "ilsvrc")


@pytest.mark.parametrize("rule", RULES)
def test_difficult_objects_count_neither_way(rule):
    result = evaluate(objects_of(A, B, difficult=[1]), found(B, A), ["x"], rule).classes[0]
    assert (result.objects, result.detections, result.true, result.ap) == (1, 1, 1, 1.0)


def test_a_crowd_is_measured_by_the_detections_area_and_hides_many():
    crowd = objects_of([0, 0, 100, 100], A, difficult=[0])
    crowd[0].boxes[1] += 200
    inside = found([210, 210, 220, 220], [0, 0, 10, 10], [20, 20, 30, 30])
    assert evaluate(crowd, inside, ["x"], "coco50").classes[0].detections == 1
    assert evaluate(crowd, inside, ["x"], "voc").classes[0].detections == 3


def test_of_two_objects_with_the_same_iou_coco_takes_the_last():
    """pycocotools 2.0.11 gives 1 here, and 51 / 101 for the objects in the other order; both overlap the first detection by 2/3."""
    detections = found([2, 0, 12, 10], [0, 0, 10, 10])
    assert ap(objects_of([0, 0, 10, 10], [4, 0, 14, 10]), detections, "coco50") == 1.0
    assert ap(objects_of([4, 0, 14, 10], [0, 0, 10, 10]), detections, "coco50") == pytest.approx(51 / 101)


def test_an_iou_equal_to_the_threshold_finds_the_object():
    assert ap(objects_of([0, 0, 2, 1]), found([0, 0, 1, 1])) == 1.0


def test_ilsvrc_asks_less_of_small_objects():
    small = np.array([[0.0, 0, 10, 10], [0, 0, 100, 100]])
    assert thresholds(small, 0.5, RULES["ilsvrc"]).tolist() == [0.25, 0.5]
    around = found([0, 0, 19, 20])  # IoU 100/380
    assert ap(objects_of(A), around, "ilsvrc") == 1.0 and ap(objects_of(A), around, "voc") == 0.0


def test_a_class_without_objects_is_left_out_and_one_without_detections_is_zero():
    objects, detections = objects_of(A), found(A)
    result = evaluate(objects, detections, ["x", "y"])
    assert [each.ap for each in result.classes] == [1.0, None] and result.map == 1.0
    assert evaluate(objects, found(), ["x"]).map == 0.0 and evaluate(objects_of(), found(A), ["x"]).map is None


def test_only_the_best_100_of_a_picture_count_in_coco():
    objects = objects_of(*([20.0 * i, 0, 20 * i + 10, 10] for i in range(150)))
    detections = [Detections(objects[0].boxes, objects[0].labels, np.arange(150))]
    assert ap(objects, detections, "voc") == 1.0
    assert ap(objects, detections, "coco50") == pytest.approx(67 / 101)  # recall ends at 100 / 150: levels 0 to .66


@settings(max_examples=15)
@given(seed=st.integers(0, 10_000), rule=st.sampled_from(sorted(RULES)))
def test_only_the_order_of_scores_matters_and_neither_that_of_detections_nor_that_of_pictures(seed, rule):
    objects, detections = scenes(seed, 3, difficult=0.1)
    r = np.random.default_rng(seed)
    expected = aps(evaluate(objects, detections, CLASSES, rule))
    monotone = [each._replace(scores=np.exp(3 * each.scores)) for each in detections]
    assert np.array_equal(aps(evaluate(objects, monotone, CLASSES, rule)), expected, equal_nan=True)
    mixed = [Detections(*(a[order] for a in each)) for each in detections for order in [r.permutation(len(each.boxes))]]
    turn = r.permutation(3)
    again = evaluate([objects[i] for i in turn], [mixed[i] for i in turn], CLASSES, rule)
    assert np.array_equal(aps(again), expected, equal_nan=True)


def test_the_rule_is_named():
    assert described(RULES["coco"]) == "COCO: 101 points, IoU 0.5 to 0.95" and evaluate([], [], []).title == "VOC 2010: all points, IoU 0.5"


@given(st.lists(st.booleans(), max_size=30), st.integers(0, 5))
def test_the_area_is_what_101_points_approach(true, missed):
    counted = np.cumsum(true)
    recall, precision = counted / max(1, counted[-1] + missed if true else 1), counted / np.arange(1, len(true) + 1)
    assert abs(average_precision(recall, precision, 100_001) - average_precision(recall, precision)) < 1e-3


@pytest.mark.parametrize(("arguments", "message"), [
    (([], found(A), ["x"]), "evaluate: `detections` has 1 pictures, expected 0"),
    ((objects_of(A), found(A), ["x"], "voc12"), "detection: `rule` is 'voc12', expected one of voc07, voc,"),
    ((objects_of(A), found(A, B)[0:1], []), "evaluate: `labels` go from 0 to 0"),
    ((objects_of(A), [found(A)[0]._replace(scores=np.array([np.nan]))], ["x"]), "evaluate: `scores` has values that are no numbers"),
    ((objects_of(A), [found(A)[0]._replace(boxes=np.zeros((1, 3)))], ["x"]), r"evaluate: `boxes` has shape \(1, 3\), expected \[n, 4\]"),
])  # fmt: skip
def test_wrong_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        evaluate(*arguments)


# ---- proposals ----


def test_coverage_by_number_of_boxes_and_by_class():
    objects = [Objects(np.array([A, B, [0, 0, 5, 10]]), np.array([0, 1, 1]), np.array([False, False, True]))]
    found = coverage(objects, [np.array([[0, 0, 10, 6], B, A], float)], ["x", "y"], (1, 2, None))
    assert found.boxes == (1, 2, 3) and found.best.tolist() == [[0.6, 0.6, 1.0], [0.0, 1.0, 1.0]]
    assert found.recall(0.5, 0) == 0.5 and found.recall(0.7, 1) == 0.5 and found.recall(0.7, 0, 0) == 0.0 and found.recall(0.5, 2) == 1.0
    assert found.abo(0, 0) == 0.6 and found.mabo(0) == 0.3 and found.mabo() == 1.0


def test_mabo_is_the_mean_over_classes_and_not_over_objects():
    objects = [Objects(np.array([A, A, A, B]), np.array([0, 0, 0, 1]), np.zeros(4, bool))]
    assert coverage(objects, [np.array([A])], ["x", "y"]).mabo() == 0.5


def test_coverage_of_nothing():
    found = coverage([Objects(np.array([A]), np.array([0]), np.array([False]))], [[]], ["x"])
    assert found.recall(0.5) == 0.0 == found.mabo() and np.isnan(coverage([], [], ["x"]).mabo())
