"""Many photographs through a network: decoded by threads while a compiled plan computes batches."""

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..array_types import Array
from ..data import DataLoader
from ..data.images import DamagedImage, decode
from ..data.scan import SUFFIXES
from ..loading import Ranking, TrainedModel, runner
from ..text import printable

BATCH = 32  # photographs
WORKERS = 2  # threads that decode


class Result(NamedTuple):
    """A photograph and its likeliest classes; None if it is damaged, and then why."""

    path: Path
    ranking: Ranking | None
    fault: str = ""


def photographs(given: Iterable[str | os.PathLike[str]]) -> list[Path]:
    """The files that are given, and the images in given folders and all folders in them, in order; ValueError for a folder without."""
    found: list[Path] = []
    for path in map(Path, given):
        if not path.is_dir():
            found.append(path)
            continue
        below = [Path(place, name) for place, _, names in os.walk(path) for name in names]
        inside = sorted(file for file in below if file.suffix.lower() in SUFFIXES and not file.name.startswith("."))
        if not inside:
            raise ValueError(f"{printable(path)}: a folder without images, expected files with one of {' '.join(SUFFIXES)}")
        found += inside
    return found


def classify(model: TrainedModel, paths: Sequence[Path], top: int = 5, skip_damaged: bool = False) -> Iterator[Result]:
    """The Result of each photograph, in their order.

    skip_damaged: a file that cannot be read as an image has no ranking; otherwise it is a DamagedImage that names it."""
    source = _Photographs(model, paths, skip_damaged)
    run, done = runner(model), 0
    loader = DataLoader(source, min(BATCH, max(len(paths), 1)), num_workers=WORKERS if len(paths) > 1 else 0)
    for x, _ in loader.epoch():
        for row in run(x):
            fault = source.faults.get(done, "")
            yield Result(paths[done], None if fault else model.ranking(row, top), fault)
            done += 1


class _Photographs:
    """A data set of prepared photographs; a damaged one is black, if it may be, and in `faults`."""

    def __init__(self, model: TrainedModel, paths: Sequence[Path], skip_damaged: bool) -> None:
        self.model, self.paths, self.skip_damaged = model, paths, skip_damaged
        self.faults: dict[int, str] = {}

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, i: int) -> tuple[Array, int]:
        preprocess = self.model.preprocess
        try:
            pixels: NDArray[np.uint8] = decode(self.paths[i])
        except DamagedImage as error:
            if not self.skip_damaged:
                raise DamagedImage(f"{error}; --skip-damaged (skip_damaged=True) leaves it out") from error
            self.faults[i] = str(error)
            return np.zeros(preprocess.input_size, np.float32), 0
        return preprocess.normalized(preprocess.middle(pixels)), 0
