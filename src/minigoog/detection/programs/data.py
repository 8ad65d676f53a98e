"""The flags that select a data set, and what is printed about it."""

import sys
from argparse import Namespace
from itertools import chain
from pathlib import Path
from typing import Any

from ...cli import check_outputs
from ...data.images import upright_size
from ...text import short
from ..annotations import DetectionSet, open_detection, voc

SHOWN = 5  # faults that are named on standard error


def add_flags(p: Any, required: bool) -> None:
    """--data, --split and --images, for a parser or a group of flags."""
    p.add_argument("--data", metavar="DATA", required=required, help="a folder of Pascal VOC, or a .json (COCO) or .csv file")
    p.add_argument("--split", metavar="NAME", help="a list of pictures in ImageSets/Main of VOC, such as test")
    p.add_argument("--images", metavar="DIR", help="the pictures of a .json or .csv file (default: beside it)")


def pictures(flags: Namespace) -> tuple[DetectionSet | None, list[Path]]:
    """(the data set of --data, its pictures), or (None, the pictures that were named), whose headers are read: a name that is wrong is
    said before any work."""
    if bool(flags.pictures) == bool(flags.data):
        raise ValueError("pass either pictures or --data with a data set")
    if flags.data:
        dataset = opened(flags)
        return dataset, [picture.file for picture in dataset.pictures]
    for name in ("split", "images"):
        if getattr(flags, name) is not None:
            raise ValueError(f"--{name} is {short(getattr(flags, name))}, but needs --data with a data set")
    for name in flags.pictures:
        upright_size(name)
    return None, [Path(name) for name in flags.pictures]


def opened(flags: Namespace) -> DetectionSet:
    """The data set, whose summary is printed; the first of its faults go to standard error."""
    dataset = open_detection(flags.data, flags.split, flags.images)
    if not len(dataset):
        raise ValueError(f"{flags.data}: no pictures, expected some")
    check_outputs(flags, chain((picture.file for picture in dataset.pictures), voc.files(Path(flags.data))))
    print(dataset.summary())
    if dataset.faults:
        print("\n".join(fault.text for fault in dataset.faults[:SHOWN]), file=sys.stderr)
        if len(dataset.faults) > SHOWN:
            print(f"... and {len(dataset.faults) - SHOWN:,} more odd boxes", file=sys.stderr)
    return dataset
