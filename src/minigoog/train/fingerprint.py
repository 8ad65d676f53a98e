"""What decides the bits of a run: its settings, its data, and the machine. Every checkpoint holds it; a run that is resumed is compared."""

import json
import platform
import time
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, fields
from importlib import metadata
from typing import Any, TypeAlias

import numpy as np

from .. import __version__, kernels
from ..config import config as machine_config
from ..text import listed
from .config import BITLESS, LONGER, Config

Facts: TypeAlias = dict[str, str]  # by name
MOST_CHARACTERS = 1 << 18  # of all facts of one kind about classes: a checkpoint has up to four kinds, as JSON within JSON
BATCHES = {"batches of an epoch": "of nearly one size"}  # once the last one had what was left
NOT_COMPARED = (*BITLESS, "output")
TEACHER = "weights of the teacher"
OF_LONGER = ("epochs", "start_epoch", *LONGER, TEACHER)  # what changes when a finished run is trained longer
DEFAULTS = {f"`{setting.name}`": repr(setting.default) for setting in fields(Config) if setting.name not in NOT_COMPARED}


def differences(before: Facts, now: Facts) -> list[str]:
    """What differs, a text for each fact."""
    before = DEFAULTS | before  # a setting that did not exist yet
    names = [name for name in {**before, **now} if before.get(name) != now.get(name)]
    return [f"{name}: {now.get(name, 'none')} (was {before.get(name, 'none')})" for name in names]


def subject(difference: str) -> str:
    """The setting or fact that a text of `differences` is about."""
    return difference.partition(": ")[0].strip("`")


def of_settings(config: Config) -> Facts:
    """The settings that change the result, and what a run from before has otherwise."""
    return {f"`{name}`": repr(value) for name, value in asdict(config).items() if name not in NOT_COMPARED} | BATCHES


def of_images(part: str, dataset: Any) -> Facts:
    """The classes of one part of a data set, how many images each has, and a checksum of all images; of files, of their names, sizes and
    times, because reading all of them would take too long."""
    groups, totals = _groups(dataset.classes), Counter[str]()
    for group, n in zip(groups, np.bincount(dataset.labels, minlength=len(groups)).tolist(), strict=True):
        totals[group] += n
    found = {f"{part} classes": listed(dataset.classes, longest=30)}
    found |= {f"{part} images of {group}": f"{n:,}" for group, n in totals.items()}
    found[f"{part} images"] = f"checksum {dataset.fingerprint():08x}"
    return found | (_files(part, dataset, groups) if hasattr(dataset, "paths") else {})


def _groups(classes: Sequence[str]) -> list[str]:
    """What each class is counted as: itself, or, if the facts of so many would not fit into a checkpoint, one group of all."""
    characters = sum(len(json.dumps(json.dumps(name))) + 60 for name in classes)
    return [f"class {name}" if characters <= MOST_CHARACTERS else "all classes" for name in classes]


def _files(part: str, dataset: Any, groups: list[str]) -> Facts:
    """The sizes of all files, by group of classes, and when they were changed."""
    sums, times, last = dict.fromkeys(groups, 0), 0, 0.0
    for path, label in zip(dataset.paths, dataset.labels.tolist(), strict=True):
        facts, name = path.stat(), groups[label]
        sums[name] = zlib.crc32(b"%d" % facts.st_size, sums[name])
        times, last = zlib.crc32(b"%d" % facts.st_mtime_ns, times), max(last, facts.st_mtime)
    found = {f"sizes of {part} files of {name}": f"checksum {number:08x}" for name, number in sums.items()}
    date = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(last))
    return found | {f"times of change of {part} files": f"the last {date}, checksum {times:08x}"}


def of_machine() -> Facts:
    """What computes."""
    native, known = kernels.native, machine_config()
    simd: Any = np.show_config(mode="dicts").get("SIMD Extensions", {})
    return {
        "minigoog": __version__,
        "kernels": known["kernels"],
        "instruction set": native.machine.isa() if native else "none",
        "build of the C kernels": native.machine.build() if native else "none",
        "NumPy": known["NumPy"],
        "NumPy's instruction sets": listed(simd.get("found", ()), 30),
        "BLAS": known["BLAS"],
        "Pillow": _version("Pillow"),
        "Python": ".".join(platform.python_version_tuple()[:2]),
        "C library": " ".join(platform.libc_ver()),
    }


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "none"
