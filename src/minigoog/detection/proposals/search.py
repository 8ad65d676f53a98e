"""Selective search: all regions of several hierarchies, as boxes. (Uijlings et al., "Selective Search for Object Recognition", IJCV 2013)

A hierarchy follows from a colour space, a size k of the first segments, and a similarity by which they merge. The constants are the
original's, as R-CNN used it."""

from collections.abc import Callable, Iterator, Sequence
from contextvars import copy_context
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ... import kernels
from ...array_types import Array, IntArray
from ...checks import check_choice, check_int, check_real
from ...data.preprocess import plain_bilinear
from ..boxes import distinct
from .colours import COLOURS
from .regions import Regions, colour_values, regions, segments, texture_values

WIDTH = 500  # pixels to which a picture is resized
MOST_PIXELS = 1 << 22  # after that: a picture that is much higher than wide becomes narrower
SMALLEST = 20  # pixels: the least width and height of a box there


class Strategy(NamedTuple):
    """Colour spaces, values of k, and similarities, of which all combinations are used."""

    colours: tuple[str, ...]
    ks: tuple[int, ...]
    similarities: tuple[str, ...]


STRATEGIES = {
    "single": Strategy(("HSV",), (100,), ("CTSF",)),
    "fast": Strategy(("HSV", "Lab"), (50, 100), ("CTSF", "TSF")),
    "quality": Strategy(("HSV", "Lab", "rgI", "H", "I"), (50, 100, 150, 300), ("CTSF", "TSF", "F", "S")),
}


class Hierarchy(NamedTuple):
    """The regions of one hierarchy: from which segments and by which similarity; merge i (int32 [m, 2]) makes region n + i, as similar as
    similarities[i]; and the boxes of all n + m regions."""

    colours: str
    k: float
    similarity: str
    regions: Regions
    merged: IntArray
    boxes: IntArray
    similarities: Array


def scaled(image: NDArray[np.uint8], width: int = WIDTH) -> NDArray[np.uint8]:
    """The picture [h, w, 3] as selective search sees it: `width` pixels wide, or less if it had more than MOST_PIXELS.

    Not antialiased, which keeps borders sharp: recall at .7 is .018 higher on blood cells (docs/detection.md)."""
    h, w = image.shape[:2]
    scale = min(width / w, (MOST_PIXELS / (h * w)) ** 0.5)
    return plain_bilinear(image, (max(1, round(h * scale)), max(1, round(w * scale))))


def hierarchies(image: NDArray[np.uint8], strategy: str = "fast", superpixels: float = 1) -> Iterator[Hierarchy]:
    """The hierarchies of a picture uint8 [h, w, 3], which is not resized. superpixels: how many times as large the first segments are."""
    chosen = STRATEGIES[check_choice("selective_search", "strategy", strategy, tuple(STRATEGIES))]
    superpixels = check_real("selective_search", "superpixels", superpixels, 0.01, 1000)
    for found in _side_by_side(lambda colours: _of_colours(image, colours, chosen, superpixels), chosen.colours):
        yield from found


def _of_colours(image: NDArray[np.uint8], colours: str, chosen: Strategy, superpixels: float) -> list[Hierarchy]:
    """The hierarchies of a colour space."""
    x, made = COLOURS[colours](image), []
    values = colour_values(x), texture_values(x)
    for k in chosen.ks:
        found = regions(segments(x, k * superpixels), *values)
        for similarity in chosen.similarities:
            merged = kernels.region_hierarchy(found.neighbours, found.sizes, found.boxes, found.colours, found.textures, similarity)
            made.append(Hierarchy(colours, k * superpixels, similarity, found, *merged))
    return made


def _side_by_side(work: Callable[[str], list[Hierarchy]], names: Sequence[str]) -> Iterator[list[Hierarchy]]:
    """work(name) of each name, in order: hierarchies grow by one merge after another, so several threads share them out."""
    from concurrent.futures import ThreadPoolExecutor  # slow to import

    teams = min(kernels.get_num_threads(), len(names))
    if teams < 2 or kernels.native is None:
        yield from map(work, names)
        return
    at_most = kernels.native.machine.at_most

    def alone(name: str) -> list[Hierarchy]:
        with at_most(kernels.get_num_threads() // teams):
            return work(name)

    with ThreadPoolExecutor(teams, thread_name_prefix="minigoog-proposals") as pool:
        waiting = [pool.submit(copy_context().run, alone, name) for name in names]
        yield from (future.result() for future in waiting)


def ranked(found: list[Hierarchy], seed: int = 0) -> tuple[Array, Array]:
    """(boxes float64 [n, 4], priorities [n]) of all regions, the lowest priority first: a region's place, counted from the top of its
    hierarchy, times a random number. First segments, which several hierarchies share, come once."""
    generator = np.random.default_rng(seed)
    boxes, places, seen = [], [], set[tuple[str, float]]()
    for each in found:
        n, m = len(each.regions.sizes), len(each.merged)
        boxes.append(each.boxes[n:][::-1])
        places.append(np.arange(1, m + 1))
        if (each.colours, each.k) not in seen:
            seen.add((each.colours, each.k))
            boxes.append(each.boxes[:n])
            places.append(np.full(n, m + 1))
    priorities = np.concatenate(places) * generator.random(sum(map(len, places)))
    order = np.argsort(priorities, kind="stable")
    return np.concatenate(boxes)[order].astype(np.float64), priorities[order]


def selective_search(
    image: NDArray[np.uint8], strategy: str = "fast", superpixels: float = 1, smallest: int = SMALLEST, seed: int = 0, width: int = WIDTH
) -> Array:
    """Boxes float64 [n, 4] of a picture uint8 [h, w, 3], in its own pixels, the likeliest ones first.

    strategy: single (1 hierarchy), fast (8) or quality (80). superpixels: 2 as in the paper, which halves the number of boxes. smallest:
    boxes narrower or lower than this, in the picture resized to `width`, are dropped; 0 keeps all. Equal seeds give equal boxes."""
    smallest, width = check_int("selective_search", "smallest", smallest, 0), check_int("selective_search", "width", width, 1, 1 << 14)
    small = scaled(image, width)
    boxes, _ = ranked(list(hierarchies(small, strategy, superpixels)), check_int("selective_search", "seed", seed, 0))
    large = ((boxes[:, 2:] - boxes[:, :2]) >= smallest).all(axis=1)
    kept = boxes[large]
    return np.asarray(kept[distinct(kept)] * np.tile([image.shape[1] / small.shape[1], image.shape[0] / small.shape[0]], 2))
