"""Training of a MultiBox head on the maps of whole pictures, and the boxes that it proposes."""

from collections.abc import Iterator, Sequence

import numpy as np

from ... import optim, rng
from ...array_types import Array
from ...tensor import Tensor, no_grad
from .. import boxes as geometry
from ..annotations import Objects
from .head import MultiBoxHead
from .matching import ALPHA, nearest
from .objective import multibox_loss

BATCH = 32  # pictures
SPREAD = 0.2  # sides of a prior that count as 1 in the loss: about how far objects are from their priors
DECAY = 1e-4


def parts_of(objects: Objects, height: int, width: int) -> Array:
    """[m, 4]: the objects of a picture in parts of its sides, without difficult ones."""
    return np.asarray(objects.boxes[~objects.difficult] / [width, height, width, height])


def turned(parts: Array) -> Array:
    """The boxes in a picture that is mirrored left to right."""
    return np.asarray(np.stack([1 - parts[:, 2], parts[:, 1], 1 - parts[:, 0], parts[:, 3]], axis=1))


def learn(head: MultiBoxHead, maps: Array, objects: Sequence[Array], steps: int, rate: float, seed: int) -> Iterator[float]:
    """Trains a head; yields the loss of each step. maps: [n, h, w, c] of pictures, of any float type; objects: [m, 4] of each.

    An object belongs to its nearest prior. By the box that makes the loss least now (`assigned`) a head whose cells share their weights
    learns little: the surest box takes the objects of all others."""
    matches = [nearest(head.priors().astype(np.float64), there) for there in objects]
    optimizer, units = optim.Adam(head.parameters(), rate, weight_decay=DECAY), SPREAD * head.units()
    generator = np.random.default_rng(seed)
    for step in range(steps):
        optimizer.lr = rate * (1 + np.cos(np.pi * step / steps)) / 2
        chosen = generator.integers(0, len(maps), min(BATCH, len(maps)))
        optimizer.zero_grad()
        boxes, confidences = head(Tensor(np.asarray(maps[chosen], np.float32)))
        loss = multibox_loss(boxes, confidences, [objects[i] for i in chosen], [matches[i] for i in chosen], ALPHA, units)
        loss.backward()
        optimizer.step()
        yield loss.item()


def new_head(maps: Array, sides: Array, seed: int) -> MultiBoxHead:
    """A head for such maps [n, h, w, c], with random numbers of a seed of its own."""
    rng.manual_seed(seed)
    return MultiBoxHead(maps.shape[1:], sides, float(np.sqrt(np.square(maps, dtype=np.float32).mean())) or 1.0)


def proposals(head: MultiBoxHead, maps: Array, sizes: Sequence[tuple[int, int]], most: int) -> list[Array]:
    """At most `most` boxes [k, 4] of each picture of these sizes (height, width), in its pixels and inside it, the surest ones first."""
    found = []
    with no_grad():
        for x, (height, width) in zip(maps, sizes, strict=True):
            boxes, confidences = (y.data[0] for y in head(Tensor(np.asarray(x[None], np.float32))))
            order = np.argsort(-confidences, kind="stable")[:most]
            found.append(geometry.clipped(boxes[order].astype(np.float64) * [width, height, width, height], height, width))
    return found
