"""All faults of a folder of images at once, with the number of images of each class and a table of their sizes."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..text import aligned, printable
from . import standard
from .datasets import ArrayDataset
from .folder import check_folder, images_of, wrong_classes
from .scan import Tree, scan_parts
from .verify import verdicts

BOUNDS = (32, 64, 128, 256, 512, 1024, 2048)  # pixels of the shorter side: the rows of the table of sizes
SPLITS = ("train", "test")


@dataclass
class Report:
    """What `check` finds.

    counts   (images for training, images for testing) of each class, damaged ones included
    sizes    how many images have each (height, width)
    skipped  how many files are plainly no images
    faults   a sentence each"""

    folder: Path
    counts: dict[str, tuple[int, int]] = field(default_factory=dict)
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)
    skipped: int = 0
    faults: list[str] = field(default_factory=list)

    def text(self) -> str:
        """The report as lines; all faults, one a line, at the end."""
        totals = [str(sum(counts)) for counts in zip(*self.counts.values(), strict=True)]
        rows = [(printable(name), str(train), str(test)) for name, (train, test) in self.counts.items()]
        parts = [aligned([("class", *SPLITS), *rows, ("all", *totals)], right=(1, 2))] if rows else []
        parts += [_sizes_text(self.sizes)] if self.sizes else []
        parts += [f"{self.skipped:,} files are no images and are skipped"] if self.skipped else []
        head = f"{len(self.faults) or 'no'} fault{'s' * (len(self.faults) != 1)}"
        return "\n\n".join([*parts, "\n".join([head, *self.faults])])

    def as_json(self) -> dict[str, Any]:
        """The same as values for JSON."""
        sizes = [{"height": h, "width": w, "images": n} for (h, w), n in sorted(self.sizes.items())]
        counts = {name: dict(zip(SPLITS, counts, strict=True)) for name, counts in self.counts.items()}
        return {"folder": str(self.folder), "classes": counts, "sizes": sizes, "skipped": self.skipped, "faults": self.faults}


def check(folder: str | Path) -> Report:
    """The Report of a folder, each of whose images is decoded; FileNotFoundError if it is no folder."""
    folder = Path(folder).expanduser()
    check_folder(folder)
    if found := standard.recognised(folder):
        return _check_standard(found)
    trees = scan_parts(folder)
    report = Report(folder, faults=wrong_classes(folder, trees))
    for name in sorted({name for tree in trees.values() for name in tree.classes}):
        report.counts[name] = len(images_of(trees, "train", name)), len(images_of(trees, "test", name))
    report.faults += _untested(trees, report.counts)
    for tree in _distinct(trees):
        report.skipped += sum(len(found.skipped) for found in tree.classes.values())
        report.faults += _outside(tree)
    _decode_all(report, [file for tree in _distinct(trees) for found in tree.classes.values() for file in found.images])
    return report


def _check_standard(found: standard.Found) -> Report:
    """The Report of a folder with the files of a standard data set."""
    report = Report(found.place)
    for k, split in enumerate(SPLITS):
        try:
            _count(report, ArrayDataset(*standard.read(found, split)), k)
        except (OSError, ValueError) as error:
            report.faults.append(str(error))
    return report


def _count(report: Report, part: ArrayDataset, k: int) -> None:
    """Adds the images of part `k` of SPLITS to the counts and sizes."""
    report.sizes[part.images.shape[1], part.images.shape[2]] += len(part)
    for label, name in enumerate(part.classes):
        counts = list(report.counts.get(name, (0, 0)))
        counts[k] = int((part.labels == label).sum())
        report.counts[name] = counts[0], counts[1]


def _decode_all(report: Report, files: Sequence[Path]) -> None:
    for verdict in verdicts(files, stop=False):
        if verdict.size is None:
            report.faults.append(verdict.fault)
        else:
            report.sizes[verdict.size] += 1


def _untested(trees: dict[str, Tree], counts: dict[str, tuple[int, int]]) -> Iterator[str]:
    """Sentences about classes with images for training, but none for testing."""
    for name, (train, test) in counts.items():
        if train and not test:
            yield f"{printable(trees['train'].root / name)}: the class has images for training, but none for testing"


def _outside(tree: Tree) -> Iterator[str]:
    """Sentences about what is called like an image, or is one, but is in no class."""
    yield from (f"{printable(file)}: it is in no class" for file in tree.loose)
    for found in tree.classes.values():
        yield from (f"{printable(file)}: it is {why}" for file, why in found.odd)
        if found.images:  # otherwise `wrong_classes` says so
            yield from (f"{printable(file)}: it is in a folder below that of a class" for file in found.below)


def _distinct(trees: dict[str, Tree]) -> list[Tree]:
    return [trees["train"]] if trees["train"] is trees["test"] else list(trees.values())


def _sizes_text(sizes: Counter[tuple[int, int]]) -> str:
    """Images by their shorter side, and the smallest, the commonest and the largest size."""
    shorter: Counter[int] = Counter()
    for size, n in sizes.items():
        shorter[sum(min(size) >= bound for bound in BOUNDS)] += n
    names = [f"below {BOUNDS[0]}", *(f"{low} to {high - 1}" for low, high in zip(BOUNDS, BOUNDS[1:], strict=False)), f"from {BOUNDS[-1]}"]
    table = aligned([("shorter side", "images"), *((name, str(shorter[i])) for i, name in enumerate(names) if shorter[i])], right=(1,))
    by_area = sorted(sizes, key=lambda size: (size[0] * size[1], size))
    shown = {"smallest": by_area[0], "commonest": max(by_area, key=lambda size: sizes[size]), "largest": by_area[-1]}
    return f"{table}\n{', '.join(f'{name} {w}x{h}' for name, (h, w) in shown.items())} (width x height)"
