"""Crops of R-CNN: context, the mean outside the picture, and bilinear pixels, against a slow second way."""

import numpy as np
import pytest

from minigoog.detection.rcnn.crops import context_of, crops, windows


def slowly(image, window, size):
    """The crop of a window, pixel by pixel, in float64."""
    height, width, channels = image.shape
    left, top, right, bottom = window
    y = np.zeros((size, size, channels))
    axes = []
    for low, high, length in ((top, bottom, height), (left, right, width)):
        scale, start, end = size / (high - low), max(low, 0), min(high, length)
        first, n = round(max(-low, 0) * scale), round(max(end - start, 0) * scale)
        n = min(n, size - first)
        axes.append([(first + i, min(max((i + 0.5) * (end - start) / n - 0.5, 0), end - start - 1), start, end) for i in range(n)])
    for row, at_y, y0, y1 in axes[0]:
        for column, at_x, x0, x1 in axes[1]:
            for i in (0, 1):
                for j in (0, 1):
                    by, bx = int(at_y) + i, int(at_x) + j
                    share = (1 - abs(at_y - by)) * (1 - abs(at_x - bx))
                    if share > 0:
                        y[row, column] += share * image[min(y0 + by, y1 - 1), min(x0 + bx, x1 - 1)]
    return y


def test_crops_equal_a_second_way_pixel_by_pixel():
    r = np.random.default_rng(0)
    image = r.normal(0, 50, (30, 40, 3)).astype(np.float32)
    corners = r.uniform(-8, 30, (40, 2))
    boxes = np.concatenate([corners, corners + r.uniform(1, 30, (40, 2))], axis=1)
    found = crops(image, boxes, 16, 2)
    for window, y in zip(windows(boxes, 16, 2).tolist(), found, strict=True):
        assert np.abs(y - slowly(image.astype(np.float64), window, 16)).max() < 1e-3


def test_context_surrounds_the_box_after_the_warp():
    image = np.zeros((300, 300, 1), np.float32)
    image[100:200, 120:180] = 1
    (y,) = crops(image, np.array([[120.0, 100, 180, 200]]), 224, 16)
    inside = y[..., 0] > 0.5
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    assert abs(rows[0] - 16) <= 2 and abs(rows[-1] - 207) <= 2 and abs(columns[0] - 16) <= 2 and abs(columns[-1] - 207) <= 2
    assert (context_of(227), context_of(224), context_of(112)) == (16, 16, 8)


def test_outside_the_picture_is_the_mean_and_the_scale_stays():
    image = np.ones((100, 100, 3), np.float32)
    (y,) = crops(image, np.array([[-50.0, 0, 50, 100]]), 100, 0)  # its left half is outside
    assert (y[:, :50] == 0).all() and (y[:, 50:] == 1).all()
    (y,) = crops(image, np.array([[200.0, 200, 250, 250]]), 20, 2)
    assert not y.any()


def test_a_crop_may_be_mirrored():
    image = np.random.default_rng(1).normal(0, 1, (20, 20, 3)).astype(np.float32)
    boxes = np.array([[2.0, 3, 12, 15], [2, 3, 12, 15]])
    plain, turned = crops(image, boxes, 8, 1, np.array([False, True]))
    assert np.array_equal(turned, plain[:, ::-1]) and not np.array_equal(turned, plain)


def test_no_boxes_and_boxes_below_a_pixel():
    image = np.ones((9, 9, 3), np.float32)
    assert crops(image, np.zeros((0, 4)), 8, 1).shape == (0, 8, 8, 3)
    assert (crops(image, np.array([[4.0, 4, 4, 4]]), 8, 1) == 1).all()
    with pytest.raises(ValueError, match="crops: `boxes` has values that are not finite"):
        crops(image, np.array([[4.0, 4, np.nan, 4]]), 8, 1)
