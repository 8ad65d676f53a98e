"""MultiBox: the assignment against all permutations, the loss against its formula and differences, and what a head learns."""

from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest

import minigoog as mg
from minigoog.data.preprocess import plain_bilinear
from minigoog.detection import Objects, coverage
from minigoog.detection.multibox import MultiBoxHead, assigned, multibox_loss, nearest
from minigoog.detection.multibox.training import learn, new_head, parts_of, proposals, turned
from minigoog.detection.proposals import prior_sides
from minigoog.detection.rcnn import saving
from minigoog.detection.rcnn.training import DETECTOR, train
from minigoog.features import extract
from minigoog.gradcheck import gradcheck
from tests.detection.conftest import SMALL

scipy = pytest.importorskip("scipy")


def case(seed, k=6, m=3):
    r = np.random.default_rng(seed)
    corners = r.uniform(0, 0.6, (k + m, 2))
    boxes = np.concatenate([corners, corners + r.uniform(0.1, 0.4, (k + m, 2))], axis=1)
    return boxes[:k], r.normal(0, 2, k), boxes[k:]


def loss_by_formula(boxes, confidences, objects, match, alpha):
    sure = 1 / (1 + np.exp(-confidences))
    taken = [i for i in match if i >= 0]
    total = sum(alpha / 2 * ((boxes[i] - g) ** 2).sum() - np.log(sure[i]) for i, g in zip(match, objects, strict=True) if i >= 0)
    return total - sum(np.log(1 - sure[i]) for i in range(len(boxes)) if i not in taken)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("m", [1, 2, 4])
def test_the_assignment_has_the_least_loss_of_all(seed, m):
    boxes, confidences, objects = case(seed, 6, m)
    everything = [loss_by_formula(boxes, confidences, objects, match, 5.0) for match in permutations(range(6), m)]
    found = loss_by_formula(boxes, confidences, objects, assigned(boxes, confidences, objects, 5.0).tolist(), 5.0)
    assert found == pytest.approx(min(everything))
    sums = [sum(((boxes[i] - g) ** 2).sum() for i, g in zip(match, objects, strict=True)) for match in permutations(range(6), m)]
    assert ((boxes[nearest(boxes, objects)] - objects) ** 2).sum() == pytest.approx(min(sums))


def test_the_assignment_counts_in_the_units_of_the_loss():
    boxes, confidences, objects = case(4)
    units = np.array([0.2, 0.5, 0.2, 0.5])
    expected = assigned(boxes / units, confidences, objects / units, 5.0)
    assert np.array_equal(assigned(boxes, confidences, objects, 5.0, np.tile(units, (6, 1))), expected)


def test_more_objects_than_boxes_leave_some_without():
    boxes, confidences, objects = case(0, 2, 3)
    match = assigned(boxes, confidences, objects)
    assert sorted(match.tolist())[0] == -1 and sorted(match.tolist())[1:] == [0, 1]


def test_the_loss_is_the_formula_and_its_gradient_that_of_differences():
    cases = [case(seed) for seed in (1, 2)]
    matches = [assigned(*each) for each in cases]
    boxes, confidences = (mg.Tensor(np.stack([each[i] for each in cases]), requires_grad=True) for i in (0, 1))
    objects = [each[2] for each in cases]
    expected = np.mean([loss_by_formula(*each, match.tolist(), 0.3) for each, match in zip(cases, matches, strict=True)])
    assert multibox_loss(boxes, confidences, objects, matches).item() == pytest.approx(expected)
    assert gradcheck(lambda b, c: multibox_loss(b, c, objects, matches), [boxes, confidences])


def test_a_picture_without_objects_trains_all_confidences_down():
    boxes, confidences, _ = case(0)
    c = mg.Tensor(confidences[None].astype(np.float32), requires_grad=True)
    b = mg.Tensor(boxes[None].astype(np.float32), requires_grad=True)
    multibox_loss(b, c, [np.zeros((0, 4))], [np.zeros(0, int)]).backward()
    assert (c.grad > 0).all() and not b.grad.any()


def test_distances_count_in_units():
    boxes, confidences, objects = case(1)
    match, units = assigned(boxes, confidences, objects), np.array([0.2, 0.5, 0.2, 0.5])
    b, c = (mg.Tensor(x[None], requires_grad=True) for x in (boxes, confidences))
    expected = loss_by_formula(boxes / units, confidences, objects / units, match.tolist(), 0.3)
    assert multibox_loss(b, c, [objects], [match], units=units).item() == pytest.approx(expected)
    assert gradcheck(lambda b, c: multibox_loss(b, c, [objects], [match], units=units), [b, c])


def test_a_head_starts_at_its_priors():
    sides = np.array([[0.2, 0.3], [0.6, 0.5]])
    x = np.random.default_rng(0).normal(0, 1, (2, 4, 5, 7)).astype(np.float32)
    boxes, confidences = MultiBoxHead((4, 5, 7), sides, narrow=3)(mg.Tensor(x))
    expected = [[(j + 0.5) / 5 - w / 2, (i + 0.5) / 4 - h / 2, (j + 0.5) / 5 + w / 2, (i + 0.5) / 4 + h / 2]
                for i in range(4) for j in range(5) for w, h in sides]  # fmt: skip
    assert np.allclose(boxes.data[0], expected, atol=1e-6) and (confidences.data == -4).all() and confidences.shape == (2, 40)


def test_priors_are_away_by_parts_of_their_sides():
    head = MultiBoxHead((2, 2, 3), np.array([[0.2, 0.4]]), narrow=3)
    head.boxes.bias.data[...] = [0.5, 0, 0.5, 0.25]
    boxes, _ = head(mg.Tensor(np.ones((1, 2, 2, 3), np.float32)))
    assert np.allclose(boxes.data[0] - head.priors(), [0.1, 0, 0.1, 0.1])


def test_a_head_learns_where_bright_squares_are():
    r = np.random.default_rng(0)
    maps, objects = np.zeros((48, 8, 8, 2), np.float32), []
    for i in range(48):
        y, x = r.integers(0, 6, 2)
        maps[i, y : y + 3, x : x + 3, 0] = 1
        objects.append(np.array([[x, y, x + 3, y + 3]]) / 8)
    there, sizes = [Objects(part * 80, np.zeros(1, int), np.zeros(1, bool)) for part in objects], [(80, 80)] * 48
    head = new_head(maps, np.array([[0.25, 0.25]]), 0)
    before = coverage(there, proposals(head, maps, sizes, 1), ("square",))
    losses = list(learn(head, maps, objects, 120, 0.03, 0))
    after = coverage(there, proposals(head, maps, sizes, 1), ("square",))
    assert losses[-1] < losses[0] / 3 and after.recall(0.7) > 0.9 > 0.5 > before.recall(0.7)


def test_sizes_of_priors_are_those_of_rare_small_objects_too():
    r = np.random.default_rng(0)
    sides = np.concatenate([r.normal(100, 5, (90, 2)), r.normal(10, 1, (6, 2))])
    there = [Objects(np.concatenate([np.full((96, 2), 50.0), 50 + sides], axis=1), np.zeros(96, int), np.zeros(96, bool))]
    found = prior_sides(there, [(200, 400)], 2)
    assert np.allclose(found * [400, 200], [[100, 100], [10, 10]], rtol=0.05)


def test_mirrored_boxes_and_parts():
    there = Objects(np.array([[10.0, 20, 30, 40], [0, 0, 5, 5]]), np.zeros(2, int), np.array([False, True]))
    assert parts_of(there, 100, 200).tolist() == [[0.05, 0.2, 0.15, 0.4]]
    assert np.allclose(turned(np.array([[0.05, 0.2, 0.15, 0.4]])), [[0.85, 0.2, 0.95, 0.4]])


def test_multibox_may_look_through_a_later_layer_than_the_trunk(world, tmp_path):
    chosen = replace(SMALL, frozen="pool1", multibox_layer="inception3b", models=1, steps=0, negatives=2, positives=1, most=5)
    list(train(world[1], world[0], chosen, tmp_path))
    detector, image = saving.load(tmp_path / DETECTOR), world[0].pictures[0].pixels()
    seen = world[1].preprocess.normalized(plain_bilinear(image, (64, 64)))[None]
    assert np.allclose(detector.whole(image), extract(world[1], seen, "inception3b"), atol=1e-4)
    assert detector.multibox.shape == (16, 16, 256) and len(detector.looked(image)) == 5
    with pytest.raises(ValueError, match="split: `multibox_layer` is 'pool9', expected a layer before the last map"):
        list(train(world[1], world[0], replace(chosen, multibox_layer="pool9"), tmp_path / "none"))
