"""A detector: proposals in, objects out. One trunk, and one or several members that judge its maps (an ensemble)."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...array_types import Array, BoolArray
from ...data.preprocess import Preprocess, plain_bilinear
from ...features import Plans, outputs
from ...nn import Module
from .. import boxes as geometry
from ..measuring import Detections
from ..multibox import MultiBoxHead
from ..multibox import training as multibox
from ..proposals import selective_search
from .crops import context_of, crops
from .heads import Features, Heads, features_of
from .settings import Settings

LARGE = 128  # pixels of a crop
TOGETHER = (32, 8)  # crops that go through the network at once, small and large ones: 6% faster than 16 at 64 pixels and at 224, 4% at 96
MOST, CONSIDERED = 100, 500  # detections of a class in a picture; boxes of a class, the best ones, of which they are taken
NOTHING = Features(np.zeros((0, 1), np.float32), np.zeros((0, 1), np.float32))
LEAST = 1e-3  # of a probability, below which nothing is detected


class Member(NamedTuple):
    """A tail and what its heads say."""

    tail: Module
    heads: Heads


class Way(NamedTuple):
    """How boxes are judged: by which members (their numbers, from 0), by which head (softmax or svm), and whether they are moved to what
    they hold."""

    members: tuple[int, ...]
    head: str
    regress: bool


@dataclass(frozen=True)
class Detector:
    """What `train` makes: `detect` finds the objects of its classes in a picture."""

    classes: tuple[str, ...]
    preprocess: Preprocess
    settings: Settings
    trunk: Module
    members: tuple[Member, ...]
    multibox: MultiBoxHead | None = None
    eye: Module | None = None  # what MultiBox looks through, if it is not the trunk
    plans: dict[Module, Plans] = field(default_factory=dict, repr=False, compare=False)  # of its networks, for the next picture

    def detect(self, image: NDArray[np.uint8], boxes: Array | None = None) -> Detections:
        """The objects in a picture uint8 [h, w, 3], the likeliest ones first; boxes: [n, 4], where to look; None: proposals of its own."""
        where = self.proposed(image) if boxes is None else geometry.checked("detect", "boxes", boxes)
        return self.judged(where, self.features(list(self.maps(image, where))), self.way(), image.shape[:2])

    def way(self) -> Way:
        """How it judges by its settings: by all members together."""
        return Way(tuple(range(len(self.members))), self.settings.head, self.settings.regress)

    def proposed(self, image: NDArray[np.uint8]) -> Array:
        """Where to look in a picture: selective search, and what MultiBox adds."""
        return np.concatenate([proposed(image, self.settings), self.looked(image)])

    def looked(self, image: NDArray[np.uint8]) -> Array:
        """MultiBox's boxes [k, 4] in a picture, the surest ones first; none if the detector has no such head."""
        if self.multibox is None:
            return np.zeros((0, 4))
        return multibox.proposals(self.multibox, self.whole(image), [image.shape[:2]], self.settings.multibox)[0]

    def whole(self, image: NDArray[np.uint8]) -> Array:
        """MultiBox's map [1, h, w, c] of the whole picture, squeezed to a square."""
        side = self.settings.whole
        pixels = self.preprocess.normalized(plain_bilinear(image, (side, side)))
        return np.concatenate(list(self._through(self.eye or self.trunk, [pixels[None]])))

    def features(self, maps: Sequence[Array]) -> list[Features]:
        """What each member's heads read of boxes with these maps."""
        return [features_of(self._through(member.tail, maps)) if maps else NOTHING for member in self.members]

    def maps(self, image: NDArray[np.uint8], boxes: Array, mirrored: BoolArray | None = None) -> Iterator[Array]:
        """The trunk's maps [n, h, w, c] of the crops of these boxes, some at a time."""
        pixels, size, n = self.preprocess.normalized(image), self.settings.size, self._together()
        turned = np.zeros(len(boxes), bool) if mirrored is None else mirrored
        parts = (slice(start, start + n) for start in range(0, len(boxes), n))
        return self._through(self.trunk, (crops(pixels, boxes[part], size, context_of(size), turned[part]) for part in parts))

    def crops(self, image: NDArray[np.uint8], boxes: Array, mirrored: BoolArray) -> Array:
        """The crops [n, size, size, 3] of boxes, as the trunk reads them."""
        size = self.settings.size
        return crops(self.preprocess.normalized(image), boxes, size, context_of(size), mirrored)

    def maps_of(self, crops: Array) -> Iterator[Array]:
        """The trunk's maps of crops [n, size, size, 3], some at a time."""
        n = self._together()
        return self._through(self.trunk, (crops[start : start + n] for start in range(0, len(crops), n)))

    def _together(self) -> int:
        return TOGETHER[self.settings.size > LARGE]

    def _through(self, part: Module, batches: Iterable[Array]) -> Iterator[Array]:
        return outputs(part, batches, self.plans.setdefault(part, {}))

    def judged(self, boxes: Array, features: Sequence[Features], way: Way, size: tuple[int, ...]) -> Detections:
        """The Detections among boxes of a picture of this size (height, width): the scores of the way's members are averaged before
        suppression. features: of all members."""
        if not len(boxes):
            return Detections(np.zeros((0, 4)), np.zeros(0, np.int64), np.zeros(0))
        chosen = [(self.members[i], features[i]) for i in way.members]
        scores = np.mean([member.heads.scores(x, way.head) for member, x in chosen], axis=0)
        found = [self._of_class(label, boxes, scores[:, label], chosen, way, size) for label in range(len(self.classes))]
        labels = np.repeat(np.arange(len(found)), [len(kept) for kept, _ in found])
        merged = Detections(np.concatenate([kept for kept, _ in found]), labels, np.concatenate([score for _, score in found]))
        order = np.argsort(-merged.scores, kind="stable")
        return Detections(merged.boxes[order], merged.labels[order], merged.scores[order])

    def _of_class(
        self, label: int, boxes: Array, scores: Array, chosen: Sequence[tuple[Member, Features]], way: Way, size: tuple[int, ...]
    ) -> tuple[Array, Array]:
        """(boxes, scores) of a class after suppression."""
        order = np.argsort(-scores, kind="stable")[:CONSIDERED]
        order = order[scores[order] >= LEAST] if way.head == "softmax" else order
        places = boxes[order]
        if way.regress and len(order):
            parts = [member.heads.moved(places, Features(*(part[order] for part in x)), label) for member, x in chosen]
            places = geometry.clipped(np.mean(parts, axis=0), *size)
        kept = geometry.nms(places, scores[order], self.settings.nms)[:MOST]
        return places[kept], np.asarray(scores[order][kept], np.float64)


def proposed(image: NDArray[np.uint8], settings: Settings) -> Array:
    """The proposals of these settings: selective search, without boxes that nearly cover a better ranked one, and the first of them."""
    found = selective_search(image, settings.strategy, settings.superpixels, settings.smallest, settings.seed, settings.width)
    return thinned(found, settings.overlap)[: settings.most]


def thinned(boxes: Array, overlap: float) -> Array:
    """The boxes whose IoU with none before them is above `overlap`."""
    return boxes if overlap >= 1 else boxes[geometry.nms(boxes, -np.arange(len(boxes)), overlap)]
