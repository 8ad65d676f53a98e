"""Random pictures with objects and detections near them: hits, doubles, misses and false alarms of several classes."""

import numpy as np

from minigoog.detection import Detections, Objects

CLASSES = ("cat", "dog", "bird", "none")  # the last one has no objects


def random_boxes(r, n, size=200.0):
    corners = r.uniform(0, size - 40, (n, 2))
    return np.concatenate([corners, corners + r.uniform(8, 40, (n, 2))], axis=1)


def scenes(seed, pictures=12, difficult=0.0):
    """(objects, detections) of each picture; coordinates are multiples of 1/8, exact in float32; scores are distinct."""
    r = np.random.default_rng(seed)
    objects, detections = [], []
    for _ in range(pictures):
        n = int(r.integers(0, 9))
        boxes, labels = random_boxes(r, n), r.integers(0, 3, n)
        near = np.repeat(np.arange(n), r.integers(0, 4, n))
        found = np.concatenate([boxes[near] + r.normal(0, 4, (len(near), 4)), random_boxes(r, 3)])
        found = np.concatenate([np.minimum(found[:, :2], found[:, 2:]), np.maximum(found[:, :2], found[:, 2:]) + 1], axis=1)
        found_labels = np.concatenate([np.where(r.random(len(near)) < 0.85, labels[near], (labels[near] + 1) % 4), r.integers(0, 4, 3)])
        objects.append(Objects(np.round(boxes * 8) / 8, labels, r.random(n) < difficult))
        detections.append(Detections(np.round(found * 8) / 8, found_labels, np.zeros(len(found))))
    return objects, scored(r, detections)


def scored(r, detections):
    """The detections with scores that are all different."""
    order = r.permutation(sum(len(each.boxes) for each in detections)) / 1000
    ends = np.cumsum([len(each.boxes) for each in detections])[:-1]
    return [each._replace(scores=scores) for each, scores in zip(detections, np.split(order, ends), strict=True)]
