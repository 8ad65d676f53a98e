"""The pool of training windows: maps that are kept, maps that are made when they are asked for, and pictures without windows."""

from dataclasses import replace

import numpy as np
import pytest

from minigoog.detection import DetectionSet, Objects
from minigoog.detection.rcnn import pool as pools
from minigoog.detection.rcnn import tuning
from minigoog.detection.rcnn.detector import Detector
from minigoog.detection.rcnn.network import split
from minigoog.detection.rcnn.settings import Settings
from minigoog.detection.rcnn.training import DETECTOR, train
from minigoog.detection.rcnn.tuning import Classifier, Tuner
from tests.detection.conftest import SMALL

EARLY = replace(SMALL, frozen="conv1", models=1, multibox=0, steps=1, regress=False)


def made(world, chosen, folder, dataset=None):
    detector = Detector(world[0].classes, world[1].preprocess, chosen, split(world[1], chosen.size, chosen.frozen).trunk, ())
    generator = pools.made(detector, dataset or world[0], folder)
    while True:
        try:
            next(generator)
        except StopIteration as end:
            return detector, end.value


def test_large_maps_are_made_when_they_are_asked_for(world, tmp_path, monkeypatch):
    monkeypatch.setattr(pools, "MOST_KEPT", 1 << 20)
    detector, pool = made(world, EARLY, tmp_path / "pool")
    assert isinstance(pool.maps, pools.MadeMaps) and len(pool.maps) == len(pool.windows.labels) > 30
    chosen = np.array([20, 3, 31, 3])  # of several pictures
    found, part = pool.maps[chosen], pool.windows.at(chosen)
    for y, box, turned, picture in zip(found, part.boxes, part.mirrored, pool.pictures[chosen], strict=True):
        (expected,) = detector.maps(world[0].pictures[picture].pixels(), box[None], np.array([turned]))
        assert np.allclose(y, expected[0], atol=1e-4)
    assert len(set(pool.pictures[chosen].tolist())) > 1 and np.array_equal(pool.maps[:1], pool.maps[np.array([0])])
    assert max(path.stat().st_size for path in (tmp_path / "pool").iterdir()) < 20_000


def test_a_run_with_large_maps_ends(world, tmp_path, monkeypatch):
    monkeypatch.setattr(pools, "MOST_KEPT", 1 << 20)
    monkeypatch.setattr(tuning, "BATCH", 8)
    *_, last = train(world[1], world[0], EARLY, tmp_path / "run")
    assert last.endswith(f"{DETECTOR}: written")


def test_a_picture_may_have_no_windows(world, tmp_path):
    first, *others = world[0].pictures
    none = Objects(np.zeros((0, 4)), np.zeros(0, np.int64), np.zeros(0, bool))
    empty = DetectionSet(world[0].classes, [replace(first, objects=none), *others])
    chosen = replace(SMALL, smallest=9999)  # no proposals
    _, pool = made(world, chosen, tmp_path / "pool", empty)
    assert 0 not in pool.pictures and pool.windows.true.all() and len(pool.maps) == sum(len(each.objects.boxes) for each in others)
    with pytest.raises(ValueError, match="train: the pictures have no windows, expected objects or proposals"):
        made(world, chosen, tmp_path / "none", DetectionSet(world[0].classes, [replace(first, objects=none)]))
    with pytest.raises(ValueError, match="train: the 1 pictures have no objects, expected some"):
        list(train(world[1], DetectionSet((), [replace(first, objects=none)]), SMALL, tmp_path / "run"))


@pytest.mark.parametrize(("drop", "shares"), [(2, [1, 1, 0.1, 0.1, 0.01]), (0, [1, 0.9045, 0.6545, 0.3455, 0.0955])])
def test_rates_become_a_tenth_or_follow_half_a_cosine(world, drop, shares):
    chosen = Settings(steps=5, drop=drop)
    tail = split(world[1], 32, SMALL.frozen).tail
    channels = tail.graph.inputs[next(iter(tail.graph.inputs))][1]
    tuner = Tuner(Classifier(tail, 2, np.zeros((1, 4, 4, channels), np.float32)), chosen, 0)
    found = []
    for tuner.done in range(5):
        found.append(tuner._share())
    assert found == pytest.approx(shares, abs=1e-4)
