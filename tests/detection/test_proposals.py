"""Selective search, step by step, and the controls."""

import colorsys

import numpy as np
import pytest

import minigoog as mg
from minigoog.detection import Objects, coverage, open_detection, priors, selective_search, square_grid
from minigoog.detection.boxes import distinct
from minigoog.detection.proposals import STRATEGIES, hierarchies, ranked, scaled
from minigoog.detection.proposals.colours import COLOURS
from minigoog.detection.proposals.regions import boxes, colour_values, neighbours, segments, texture_values
from minigoog.detection.proposals.smoothing import derivatives, gaussian
from tests.answers import asked


def noise(shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)


def scene():
    """Two flat rectangles on a flat ground."""
    image = np.full((60, 100, 3), 200, np.uint8)
    image[10:40, 15:45] = (180, 40, 40)
    image[20:50, 60:90] = (30, 60, 160)
    return image


@asked("opencv-python-headless")
def opencvs_pictures():
    import cv2

    x, rgb = noise((20, 30, 3)), noise((40, 50, 3), 1)
    return {"blurred": cv2.GaussianBlur(x.astype(np.float32), (9, 9), 0.8, borderType=cv2.BORDER_REPLICATE),
            "Lab": cv2.cvtColor(rgb.astype(np.float32) / 255, cv2.COLOR_RGB2Lab)}


def test_the_blur_is_that_of_opencv():
    assert np.allclose(gaussian(noise((20, 30, 3)).astype(np.float32), 0.8), opencvs_pictures()["blurred"], rtol=0, atol=1e-3)


def test_lab_is_that_of_opencv():
    expected = opencvs_pictures()["Lab"] * [2.55, 1, 1] + [0, 128, 128]
    assert np.abs(COLOURS["Lab"](noise((40, 50, 3), 1)) - expected).max() < 0.5  # OpenCV interpolates in a table


def test_hsv_is_that_of_colorsys():
    rgb = noise((12, 13, 3), 2)
    rgb[0, :3] = [[0, 0, 0], [9, 9, 9], [255, 0, 1]]
    expected = [[[255 * part for part in colorsys.rgb_to_hsv(*pixel / 255)] for pixel in row] for row in rgb]
    assert np.allclose(COLOURS["HSV"](rgb), expected, rtol=0, atol=1e-3)
    assert np.array_equal(COLOURS["H"](rgb)[..., 0], COLOURS["HSV"](rgb)[..., 0])


def test_shares_of_colours_and_intensity():
    pixel = np.array([[[10, 20, 70], [0, 0, 0]]], np.uint8)
    assert np.allclose(COLOURS["rgI"](pixel), [[[25.5, 51, 100 / 3], [0, 0, 0]]])
    assert np.allclose(COLOURS["I"](pixel)[0, :, 0], [100 / 3, 0])


def test_the_derivatives_of_a_ramp_are_its_slopes():
    ramp = (3 * np.arange(40) + 5 * np.arange(30)[:, None]).astype(np.float32)[..., None]
    right, down = derivatives(ramp, 1.0)
    assert np.allclose(right[6:-6, 6:-6], 3, atol=1e-3) and np.allclose(down[6:-6, 6:-6], 5, atol=1e-3)


def test_the_values_of_textures_are_where_the_edges_are():
    x = np.zeros((20, 20, 1), np.float32)
    x[:, 10:] = 255  # a step to the right: the derivative there is the steepest one
    values = texture_values(x)  # right, left, down, up, and the diagonals
    assert values.shape == (8, 20, 20) and values[0].max() == 9 and values[0, 5, :5].max() == 0
    assert values[1].max() == values[2].max() == values[3].max() == 0
    assert values[4].max() == values[6].max() == 6 and values[5].max() == values[7].max() == 0  # 9 or 10 times cos 45 degrees


def test_values_of_colours_are_25_steps():
    x = np.array([[[0.0], [10.23], [10.25], [255.0], [300.0], [-5.0]]], np.float32)
    assert colour_values(x).tolist() == [[[0, 0, 1, 24, 24, 0]]]


def test_boxes_and_neighbours_of_segments():
    labels = np.array([[0, 0, 1], [2, 0, 1], [2, 2, 3]], np.int32)
    assert boxes(labels).tolist() == [[0, 0, 2, 2], [2, 0, 3, 2], [0, 1, 2, 3], [2, 2, 3, 3]]
    assert neighbours(labels).tolist() == [[0, 1], [0, 2], [1, 3], [2, 3]]


def test_flat_rectangles_are_found_exactly():
    found = selective_search(scene(), width=100)
    for box in ([15, 10, 45, 40], [60, 20, 90, 50], [0, 0, 100, 60]):
        assert box in found.tolist()


def test_a_hierarchy_can_be_drawn_from_its_parts():
    (hierarchy,) = hierarchies(scene(), "single")
    n, m = len(hierarchy.regions.sizes), len(hierarchy.merged)
    assert m == n - 1 and hierarchy.boxes.shape == (n + m, 4) and hierarchy.regions.labels.shape == (60, 100)
    assert (hierarchy.colours, hierarchy.k, hierarchy.similarity) == ("HSV", 100, "CTSF")


def test_strategies_are_the_originals():
    sizes = {name: len(s.colours) * len(s.ks) * len(s.similarities) for name, s in STRATEGIES.items()}
    assert sizes == {"single": 1, "fast": 8, "quality": 80}
    assert [each.k for each in hierarchies(scene(), "fast", 2)] == [100, 100, 200, 200] * 2


def test_the_order_is_a_place_from_the_top_times_a_random_number():
    found = list(hierarchies(noise((40, 50, 3))))
    all_boxes, priorities = ranked(found)
    merges, shared = sum(len(each.merged) for each in found), sum(len(each.regions.sizes) for each in found) // 2
    assert len(all_boxes) == merges + shared and (np.diff(priorities) >= 0).all() and priorities[0] >= 0
    first = [place for seed in range(40) for place in np.flatnonzero((ranked(found, seed)[0] == [0, 0, 50, 40]).all(axis=1))[:1]]
    assert np.median(first) < 10 < np.median(range(len(all_boxes)))  # the whole picture is on top


def test_a_seed_gives_the_same_boxes_on_any_number_of_threads_and_another_one_another_order(threads):
    image = noise((60, 80, 3), 5)
    expected = selective_search(image, smallest=0, width=80)
    for n in (1, 3):
        threads(n)
        assert np.array_equal(selective_search(image, smallest=0, width=80), expected)
    other = selective_search(image, smallest=0, width=80, seed=1)
    assert not np.array_equal(other, expected) and np.array_equal(np.unique(other, axis=0), np.unique(expected, axis=0))
    assert distinct(expected).all()


def test_the_kernels_in_numpy_give_the_same_boxes():
    image = scene()[::3, ::3]
    expected = selective_search(image, "single", width=33)
    with mg.kernels.use("reference"):
        assert np.array_equal(selective_search(image, "single", width=33), expected)


def test_small_boxes_are_dropped_and_boxes_are_in_the_pictures_own_pixels():
    image = scene().repeat(3, axis=0).repeat(3, axis=1)
    found = selective_search(image, width=100, smallest=20)
    assert (found[:, 2:] - found[:, :2] >= 60).all() and found.max(axis=0)[2:].tolist() == [300, 180]
    assert len(selective_search(noise((90, 90, 3)), width=90, smallest=0)) > len(selective_search(noise((90, 90, 3)), width=90))


def test_larger_superpixels_give_fewer_segments_and_boxes():
    x = gaussian(noise((80, 100, 3)).astype(np.float32), 2.0)
    assert segments(x, 100).max() < segments(x, 50).max()


def test_a_picture_that_is_much_higher_than_wide_does_not_grow_without_limit():
    assert scaled(np.zeros((9_000, 10, 3), np.uint8)).size <= 3 * 1.05 * (1 << 22)
    assert scaled(np.zeros((300, 400, 3), np.uint8)).shape == (375, 500, 3)
    assert len(selective_search(np.zeros((1, 1, 3), np.uint8), smallest=0, width=9)) == 1


@pytest.mark.parametrize(("settings", "message"), [
    ({"strategy": "slow"}, "`strategy` is 'slow', expected one of single, fast, quality"),
    ({"superpixels": 0}, "`superpixels` is 0.0, expected"),
    ({"smallest": -1}, "`smallest` is -1, expected at least 0"), ({"width": 0}, "`width` is 0, expected at least 1"),
])  # fmt: skip
def test_wrong_settings_are_named(settings, message):
    with pytest.raises(ValueError, match=f"selective_search: {message}"):
        selective_search(scene(), **settings)


# ---- controls ----


def test_a_grid_covers_the_picture_with_squares():
    found = square_grid(100, 200, [40, 90], 0.5)
    assert (found[:, 2] - found[:, 0] == found[:, 3] - found[:, 1]).all() and found[0].tolist() == [0, 0, 90, 90]
    assert len(found) == 3 + 4 * 9 and found.min() == 0 and (found.max(axis=0)[2:] <= [200, 100]).all()


def test_priors_are_the_centres_of_clusters():
    r = np.random.default_rng(0)
    centres = np.array([[0, 0, 10, 10], [50, 50, 90, 60], [10, 60, 30, 99.0]])
    objects = [Objects(centres[i] + r.normal(0, 0.1, (n, 4)), np.zeros(n, int), np.zeros(n, bool)) for i, n in enumerate((30, 10, 20))]
    found = priors(objects, [(100, 200)] * 3, 3)
    assert np.allclose(found * [200, 100, 200, 100], centres[[0, 2, 1]], atol=0.2)
    assert np.array_equal(found, priors(objects, [(100, 200)] * 3, 3))
    with pytest.raises(ValueError, match="priors: `k` is 61, expected at most 60"):
        priors(objects, [(100, 200)] * 3, 61)


# ---- real photographs ----


def test_recall_on_blood_cells(bccd):
    """Two pictures; docs/detection.md has the numbers of all 72."""
    pictures = open_detection(bccd, "test").pictures[:2]
    found = [selective_search(picture.pixels()) for picture in pictures]
    covered = coverage([picture.objects for picture in pictures], found, ("Platelets", "RBC", "WBC"))
    assert covered.boxes[0] < 1600 and covered.recall(0.5) > 0.85 and covered.mabo() > 0.7
