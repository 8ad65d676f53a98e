"""What decides the bits of a run: its settings, its data, and the machine. Every checkpoint holds it; a run that is resumed is compared."""

import platform
import time
import zlib
from dataclasses import asdict
from importlib import metadata
from typing import Any, TypeAlias

import numpy as np

from .. import __version__, kernels
from ..config import config as machine_config
from ..text import listed
from .config import BITLESS, Config

Facts: TypeAlias = dict[str, str]  # by name
NOT_COMPARED = (*BITLESS, "output")


def differences(before: Facts, now: Facts) -> list[str]:
    """What differs, a text for each fact."""
    names = [name for name in {**before, **now} if before.get(name) != now.get(name)]
    return [f"{name}: {now.get(name, 'none')} (was {before.get(name, 'none')})" for name in names]


def of_settings(config: Config) -> Facts:
    """The settings that change the result."""
    return {f"`{name}`": repr(value) for name, value in asdict(config).items() if name not in NOT_COMPARED}


def of_images(part: str, dataset: Any) -> Facts:
    """The classes of one part of a data set, how many images each has, and a checksum of all images; of files, of their names, sizes and
    times, because reading all of them would take too long."""
    counts = np.bincount(dataset.labels, minlength=len(dataset.classes))
    found = {f"{part} classes": listed(dataset.classes, longest=30)}
    found |= {f"{part} images of class {name}": f"{n:,}" for name, n in zip(dataset.classes, counts, strict=True)}
    found[f"{part} images"] = f"checksum {dataset.fingerprint():08x}"
    return found | (_files(part, dataset) if hasattr(dataset, "paths") else {})


def _files(part: str, dataset: Any) -> Facts:
    """The sizes of all files, by class, and when they were changed."""
    sums, times, last = dict.fromkeys(dataset.classes, 0), 0, 0.0
    for path, label in zip(dataset.paths, dataset.labels.tolist(), strict=True):
        facts, name = path.stat(), dataset.classes[label]
        sums[name] = zlib.crc32(b"%d" % facts.st_size, sums[name])
        times, last = zlib.crc32(b"%d" % facts.st_mtime_ns, times), max(last, facts.st_mtime)
    found = {f"sizes of {part} files of class {name}": f"checksum {number:08x}" for name, number in sums.items()}
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
