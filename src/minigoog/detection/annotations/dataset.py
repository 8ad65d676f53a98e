"""Pictures with the objects in them: one plain structure, whatever the files are."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...array_types import Array, BoolArray, IntArray
from ...data.images import decode


class Objects(NamedTuple):
    """The objects of a picture: boxes float64 [n, 4] (see `boxes`), class numbers int64 [n], and which ones are difficult, bool [n]."""

    boxes: Array
    labels: IntArray
    difficult: BoolArray


@dataclass(frozen=True)
class Picture:
    """A picture's file, its size in pixels, and its objects."""

    file: Path
    height: int
    width: int
    objects: Objects

    def pixels(self) -> NDArray[np.uint8]:
        """The picture, upright, as RGB: uint8 [h, w, 3]; DamagedImage, naming the file, if it cannot be read."""
        return decode(self.file)


class Fault(NamedTuple):
    """What is odd about an object: its kind (`faults.KINDS`), and a sentence that names the file and the object."""

    kind: str
    text: str


@dataclass(frozen=True)
class DetectionSet:
    """Pictures, the names of the classes, and what was odd in the files."""

    classes: tuple[str, ...]
    pictures: Sequence[Picture]
    faults: Sequence[Fault] = field(default=())

    def __len__(self) -> int:
        return len(self.pictures)

    @property
    def objects(self) -> list[Objects]:
        """The Objects of each picture."""
        return [picture.objects for picture in self.pictures]

    def with_classes(self, classes: Sequence[str]) -> "DetectionSet":
        """The same pictures with these classes, in this order: all of its own must be among them."""
        numbers = np.array([list(classes).index(name) for name in self.classes], np.int64)
        found = [replace(each, objects=each.objects._replace(labels=numbers[each.objects.labels])) for each in self.pictures]
        return DetectionSet(tuple(classes), found, self.faults)

    def summary(self) -> str:
        """72 pictures, 945 objects: RBC 805, WBC 71, Platelets 69, and the faults, counted."""
        labels = Counter(label for each in self.objects for label in each.labels.tolist())
        by_class = ", ".join(f"{name} {labels[i]:,}" for i, name in enumerate(self.classes))
        kinds = Counter(fault.kind for fault in self.faults)
        faults = "".join(f"; {n:,} {kind}" for kind, n in kinds.items())
        return f"{len(self):,} pictures, {sum(labels.values()):,} objects: {by_class}{faults}"
