"""Decoding every image of a folder, to find those that cannot be."""

import os
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..text import printable
from .folder import ImageFolder, some
from .images import DamagedImage, decode

GROUP = 64  # images that are decoded together: Ctrl-C waits for them
MOST_WORKERS = 8  # threads; an image of MOST_PIXELS takes up to 3.2 GB in each


class Verdict(NamedTuple):
    """An image file: what is wrong with it ("" if nothing), and its (height, width) if that is known."""

    path: Path
    fault: str
    size: tuple[int, int] | None


def verdicts(paths: Sequence[Path], stop: bool = True) -> Iterator[Verdict]:
    """The Verdict of each file, in their order; on a terminal, counts them. stop: a file that the system cannot read is an OSError, not
    a fault."""
    from concurrent.futures import ThreadPoolExecutor  # slow to import

    with ThreadPoolExecutor(min(os.cpu_count() or 1, MOST_WORKERS), thread_name_prefix="minigoog-verify") as pool:
        for start in range(0, len(paths), GROUP):
            yield from pool.map(partial(_verdict, stop=stop), paths[start : start + GROUP])
            if sys.stderr.isatty():
                done = min(start + GROUP, len(paths))
                print(f"\rdecoded {done:,} of {len(paths):,} images", end="\n" * (done == len(paths)), file=sys.stderr, flush=True)


def without_damaged(dataset: ImageFolder) -> ImageFolder:
    """The data set without the images that cannot be decoded, which its `skipped` lists; ValueError if a class would lose all."""
    good = np.array([not verdict.fault for verdict in verdicts(dataset.paths)], bool)
    lost = np.setdiff1d(dataset.labels, dataset.labels[good])
    if len(lost):
        raise ValueError(f"open_dataset: all images of {some([dataset.classes[label] for label in lost])} are damaged")
    paths = [[path for path, sound in zip(dataset.paths, good, strict=True) if sound == kept] for kept in (True, False)]
    return ImageFolder(paths[0], dataset.labels[good], dataset.classes, dataset.root, dataset.notes, paths[1])


def skipped_lines(skipped: Sequence[Path], most: int = 20) -> list[str]:
    """How many damaged images were left out, and the first of them, as lines of text."""
    lines = [f"skipped {len(skipped):,} damaged images{':' if skipped else ''}", *(f"    {printable(path)}" for path in skipped[:most])]
    return lines + ([f"    ... and {len(skipped) - most:,} more"] if len(skipped) > most else [])


def _verdict(path: Path, stop: bool) -> Verdict:
    try:
        height, width, _ = decode(path).shape
        return Verdict(path, "", (height, width))
    except DamagedImage as error:
        return Verdict(path, str(error), None)
    except OSError as error:
        if stop:
            raise
        return Verdict(path, f"{printable(path)}: {error.strerror}", None)
