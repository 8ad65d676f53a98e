"""Boxes on a picture, in pixels: no package is needed to draw them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ...array_types import Array

GREEN, RED, YELLOW = (0, 200, 80), (230, 30, 30), (255, 200, 0)  # found, missed, proposed
# of classes: the colours of Okabe and Ito, which remain apart to all eyes
PALETTE = ((230, 159, 0), (0, 114, 178), (0, 158, 115), (204, 121, 167), (213, 94, 0), (86, 180, 233), (240, 228, 66))


def annotated(image: NDArray[np.uint8], layers: Sequence[tuple[Array, tuple[int, int, int]]]) -> NDArray[np.uint8]:
    """A copy of a picture uint8 [h, w, 3] with the outlines of boxes [n, 4] in a colour, one layer over the other; the first box of a layer
    is on top of it. Lines are as thick as 1/300 of the picture."""
    drawn = image.copy()
    thick = max(1, round(max(image.shape[:2]) / 300))
    for boxes, colour in layers:
        for box in np.round(boxes[::-1]).astype(int):
            _outline(drawn, box.tolist(), colour, thick)
    return drawn


def _outline(image: NDArray[np.uint8], box: Sequence[int], colour: tuple[int, int, int], thick: int) -> None:
    height, width = image.shape[:2]
    left, top = (max(side, 0) for side in box[:2])
    right, bottom = min(box[2], width), min(box[3], height)
    for rows, columns in (((top, top + thick), (left, right)), ((bottom - thick, bottom), (left, right)),
                          ((top, bottom), (left, left + thick)), ((top, bottom), (right - thick, right))):
        image[max(rows[0], 0) : max(rows[1], 0), max(columns[0], 0) : max(columns[1], 0)] = colour
