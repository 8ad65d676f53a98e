"""`detect`: the objects in pictures, as JSON and drawn."""

import time
from argparse import Namespace
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...array_types import Array
from ...cli import Parser, check_outputs, number_from, output_file, output_folder
from ...data.images import decode
from ...files import atomic_write, check_unread
from ...text import printable
from .. import found
from ..drawing.boxes import PALETTE, annotated
from ..drawing.png import png
from ..measuring import Detections
from ..rcnn import saving
from ..rcnn.detector import Detector
from ..rcnn.training import DETECTOR
from . import data, threads
from .training import Report


def add_flags(p: Parser) -> None:
    """The flags of `detect`."""
    p.add_argument("detector", metavar="DETECTOR", help="what train wrote: its folder, or the file in it")
    p.add_argument("pictures", nargs="*", metavar="PICTURE", help="images; or --data")
    data.add_flags(p, required=False)
    p.add_argument("--boxes", metavar="FILE", help="where to look: what propose wrote (default: proposals as in training)")
    p.add_argument("--least", type=number_from(-1e9, 1e9), default=0.5, metavar="X",
                   help="only scores from X on are drawn and listed (default: 0.5)")
    p.add_argument("--json", type=output_file, metavar="FILE", help="writes all detections, for evaluate")
    p.add_argument("--drawn", type=output_folder, metavar="DIR", help="writes each picture with its boxes, as PNG")
    threads.add_flag(p)


class Seconds(NamedTuple):
    """What a picture took: until it was known where to look, and all that follows (crops, network, suppression)."""

    proposals: float
    network: float


def run(flags: Namespace) -> None:
    """Detects, and lists what was found."""
    threads.use(flags)
    _, paths = data.pictures(flags)
    outputs, boxes, report, all_found = _outputs(flags, paths), _where(flags, paths), Report(), []
    detector = opened(flags, flags.detector)
    for i, (path, where, output) in enumerate(zip(paths, boxes, outputs, strict=True), start=1):
        image = decode(path)
        objects, seconds = timed(detector, image, where)
        names = [detector.classes[label] for label in objects.labels.tolist()]
        all_found.append(found.Found(str(path), objects.boxes, names, objects.scores.tolist()))
        if output:
            draw(image, objects, flags.least, output)
        took = f"{sum(seconds):.1f} s: proposals {seconds.proposals:.1f}, network {seconds.network:.1f}"
        if flags.pictures:
            print(f"{printable(path)}: {_listed(objects, detector, flags.least)} ({took})", flush=True)
        else:
            report.say(f"detected in {i:,} of {len(paths):,} pictures, the last one in {took}")
    report.end()
    if flags.json:
        found.write(flags.json, all_found, detector=printable(flags.detector))
        print(f"{printable(flags.json)}: written")


def timed(detector: Detector, image: NDArray[np.uint8], where: Array | None) -> tuple[Detections, Seconds]:
    """The objects in a picture, at boxes or (None) at the detector's own proposals, and how long that took."""
    began = time.perf_counter()
    boxes = detector.proposed(image) if where is None else where
    proposed = time.perf_counter()
    objects = detector.detect(image, boxes)
    return objects, Seconds(proposed - began, time.perf_counter() - proposed)


def _outputs(flags: Namespace, paths: list[Path]) -> list[Path | None]:
    """Where each picture is drawn, if it is."""
    if not flags.drawn:
        return [None] * len(paths)
    outputs = [Path(flags.drawn) / f"{path.stem}.png" for path in paths]
    if double := [path for path, n in Counter(outputs).items() if n > 1]:
        raise ValueError(f"{printable(double[0])}: two pictures would be drawn there, expected pictures of different names")
    check_unread(outputs, paths)
    return list(outputs)


def opened(flags: Namespace, name: str) -> Detector:
    """The detector in a file or a run's folder, which no output of the flags may be."""
    path = Path(name) / DETECTOR if Path(name).is_dir() else Path(name)
    check_outputs(flags, [path])
    return saving.load(path)


def draw(image: NDArray[np.uint8], objects: Detections, least: float, path: Path) -> None:
    """Writes a picture with the boxes whose score is at least so high, each class in its colour."""
    path.parent.mkdir(parents=True, exist_ok=True)
    shown = objects.scores >= least
    layers = [(objects.boxes[shown & (objects.labels == label)], PALETTE[label % len(PALETTE)]) for label in np.unique(objects.labels)]
    with atomic_write(path) as file:
        file.write(png(annotated(image, layers)))


def _where(flags: Namespace, paths: list[Path]) -> list[Array | None]:
    """The boxes to look at in each picture; None: the detector's own."""
    if not flags.boxes:
        return [None] * len(paths)
    boxes = [each and each.boxes for each in found.of_pictures(flags.boxes, found.read(flags.boxes), paths)]
    if missing := [path for path, each in zip(paths, boxes, strict=True) if each is None]:
        raise ValueError(f"{printable(flags.boxes)}: has no boxes of {printable(missing[0])}")
    return boxes


def _listed(objects: Detections, detector: Detector, least: float) -> str:
    shown = objects.labels[objects.scores >= least]
    counts = [f"{int((shown == label).sum()):,} {printable(name)}" for label, name in enumerate(detector.classes)]
    return ", ".join(counts)
