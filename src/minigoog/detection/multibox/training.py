"""Training of a MultiBox head on the maps of whole pictures, and the boxes that it proposes."""

from collections.abc import Iterator, Sequence

import numpy as np

from ... import optim, rng
from ...array_types import Array
from ...tensor import Tensor, no_grad
from .. import boxes as geometry
from ..annotations import Objects
from .head import MultiBoxHead
from .matching import ALPHA, assigned, nearest
from .objective import multibox_loss

BATCH = 32  # pictures
SPREAD = 0.1  # parts of a side that count as 1 in the loss: about how far objects are from their priors


def parts_of(objects: Objects, height: int, width: int) -> Array:
    """[m, 4]: the objects of a picture in parts of its sides, without difficult ones."""
    return np.asarray(objects.boxes[~objects.difficult] / [width, height, width, height])


def turned(parts: Array) -> Array:
    """The boxes in a picture that is mirrored left to right."""
    return np.asarray(np.stack([1 - parts[:, 2], parts[:, 1], 1 - parts[:, 0], parts[:, 3]], axis=1))


def learn(
    head: MultiBoxHead, maps: Array, objects: Sequence[Array], steps: int, rate: float, seed: int, priors: bool = True
) -> Iterator[float]:
    """Trains a head; yields the loss of each step. maps: [n, h, w, c] of pictures, of any float type; objects: [m, 4] of each.

    priors: an object belongs to its nearest prior, always the same; else to the box that makes the loss least now."""
    fixed = [nearest(head.priors.data.astype(np.float64), there) for there in objects]
    optimizer = optim.Adam(head.parameters(), rate, weight_decay=1e-5)
    generator = np.random.default_rng(seed)
    for step in range(steps):
        optimizer.lr = rate * (1 + np.cos(np.pi * step / steps)) / 2
        chosen = generator.integers(0, len(maps), min(BATCH, len(maps)))
        optimizer.zero_grad()
        boxes, confidences = head(Tensor(np.asarray(maps[chosen], np.float32)))
        there = [objects[i] for i in chosen]
        now = zip(boxes.data, confidences.data, there, strict=True)
        matches = [fixed[i] for i in chosen] if priors else [assigned(*each) for each in now]
        loss = multibox_loss(boxes, confidences, there, matches, ALPHA / SPREAD**2)
        loss.backward()
        optimizer.step()
        yield loss.item()


def new_head(maps: Array, priors: Array, seed: int) -> MultiBoxHead:
    """A head for such maps [n, h, w, c], with random numbers of a seed of its own."""
    rng.manual_seed(seed)
    return MultiBoxHead(maps.shape[1:], priors, float(np.sqrt(np.square(maps, dtype=np.float32).mean())) or 1.0)


def proposals(head: MultiBoxHead, maps: Array, sizes: Sequence[tuple[int, int]]) -> list[Array]:
    """The boxes [k, 4] of each picture of these sizes (height, width), in its pixels and inside it, the surest ones first."""
    found = []
    with no_grad():
        for x, (height, width) in zip(maps, sizes, strict=True):
            boxes, confidences = (y.data[0] for y in head(Tensor(np.asarray(x[None], np.float32))))
            order = np.argsort(-confidences, kind="stable")
            found.append(geometry.clipped(boxes[order].astype(np.float64) * [width, height, width, height], height, width))
    return found
