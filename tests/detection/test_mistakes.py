"""False positives and missed objects; and ILSVRC's rule by hand."""

import numpy as np
import pytest

from minigoog.detection import Detections, Objects, evaluate, open_detection
from minigoog.detection.drawing import draw_mistakes
from minigoog.detection.measuring.mistakes import mistakes
from tests.detection import files


def objects(boxes, labels=None, difficult=()):
    n = len(boxes)
    return Objects(np.array(boxes, float).reshape(-1, 4), np.array(labels or [0] * n), np.isin(np.arange(n), difficult))


def found(boxes, scores, labels=None):
    return Detections(np.array(boxes, float).reshape(-1, 4), np.array(labels or [0] * len(boxes)), np.array(scores, float))


def test_mistakes_by_hand():
    there = [objects([[0, 0, 10, 10], [50, 50, 90, 90], [30, 0, 40, 10]], difficult=(2,)), objects([[5, 5, 9, 9]], [1])]
    seen = [found([[0, 0, 10, 10], [0, 0, 10, 9], [50, 50, 60, 60], [0, 0, 10, 10]], [0.9, 0.8, 0.95, 0.3]), found([], [])]
    made = mistakes(there, seen, "voc", 0.5)
    assert [(each.picture, each.box.tolist(), each.label, each.score) for each in made] == [
        (0, [50, 50, 60, 60], 0, 0.95), (0, [0, 0, 10, 9], 0, 0.8), (0, [50, 50, 90, 90], 0, None), (1, [5, 5, 9, 9], 1, None)]


def test_a_sheet_of_mistakes_is_drawn(tmp_path):
    pytest.importorskip("matplotlib")
    dataset = open_detection(files.voc(tmp_path / "set"))
    seen = [found([[0, 0, 3, 3]], [0.9]), found([], [])]
    draw_mistakes(dataset, mistakes(dataset.objects, seen, "voc", 0.5), tmp_path / "sheet.png")
    draw_mistakes(dataset, [], tmp_path / "empty.png")
    assert (tmp_path / "sheet.png").stat().st_size > 5000 and (tmp_path / "empty.png").exists()


def ilsvrc(there, seen):
    return evaluate([there], [seen], ["a"], "ilsvrc").map


def test_ilsvrc_asks_less_of_small_objects():
    """An object of 10x10 needs 100 / 400 = .25, one of 25x25 625 / 1225 = .5102, so .5; an IoU that equals the threshold finds it."""
    small = objects([[0, 0, 10, 10]])
    assert ilsvrc(small, found([[0, 0, 20, 20]], [0.9])) == 1  # IoU 100 / 400: exactly what remains
    assert ilsvrc(small, found([[0, 0, 20, 21]], [0.9])) == 0
    assert evaluate([small], [found([[0, 0, 20, 20]], [0.9])], ["a"], "voc").map == 0
    large = objects([[0, 0, 25, 25]])
    assert ilsvrc(large, found([[0, 0, 25, 50]], [0.9])) == 1 and ilsvrc(large, found([[0, 0, 25, 51]], [0.9])) == 0
    flat = objects([[0, 0, 40, 2]])  # 80 / (50 * 12) = .1333
    assert ilsvrc(flat, found([[0, 0, 40, 15]], [0.9])) == 1 and ilsvrc(flat, found([[0, 0, 40, 15.1]], [0.9])) == 0


def test_ilsvrc_lets_a_second_detection_find_a_free_neighbour():
    """Two objects side by side; both detections overlap the first one best."""
    there = objects([[0, 0, 60, 60], [20, 0, 80, 60]])
    seen = found([[0, 0, 60, 60], [9, 0, 69, 60]], [0.9, 0.8])  # IoU of the second: 51/69 with the first, 49/71 with the second object
    assert ilsvrc(there, seen) == 1 and evaluate([there], [seen], ["a"], "voc").map == 0.5
