"""What lies in a folder of images: classes, images, and what is neither."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ..reading import oddity
from ..text import listed, printable

SUFFIXES = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".webp", ".gif", ".tif", ".tiff", ".ppm", ".pgm", ".pnm")
UNREAD = (  # suffixes of images in formats that are not read
    ".heic", ".heif", ".avif", ".jxl", ".jp2", ".svg", ".psd", ".eps", ".pdf", ".ico", ".tga", ".raw", ".dng", ".cr2", ".cr3", ".nef",
    ".arw",
)  # fmt: skip
NO_CLASSES = (  # folders that systems and programs leave; so are all that start with a dot, such as .git and .ipynb_checkpoints
    "__macosx", "@eadir", "@tmp", "@recycle", "#recycle", "#snapshot", "$recycle.bin", "system volume information", "lost+found",
    "__pycache__",
)  # fmt: skip

PARTS = {"train": (("train",),), "test": (("test",), ("val", "valid", "validation"))}  # names in any case; of test, the first that is there


class Contents(NamedTuple):
    """The folder of a class: its image files in the order of their names, and what else is there.

    skipped  files that are plainly no images, such as notes.txt, Thumbs.db and what macOS stores as ._cat.jpg
    odd      what is called like an image but is none that can be read, and why: a named pipe, a link to nothing, a .heic
    below    image files in folders below; they are in no class"""

    images: list[Path]
    skipped: list[Path]
    odd: list[tuple[Path, str]]
    below: list[Path]


class Tree(NamedTuple):
    """The Contents of a part of a folder of images, by class; `loose` are image files outside of all classes."""

    root: Path
    classes: dict[str, Contents]
    loose: list[Path]


def scan_parts(path: Path) -> dict[str, Tree]:
    """The Tree of "train" and that of "test"; the same one if `path` has no such folders."""
    folders = _parts(path)
    train = scan(folders["train"])
    return {"train": train, "test": train if folders["test"] == folders["train"] else scan(folders["test"])}


def scan(root: Path) -> Tree:
    """The classes in `root`, in the order of their names."""
    entries = sorted(root.iterdir())
    classes = {entry.name: contents(entry) for entry in entries if is_class(entry)}
    return Tree(root, classes, [entry for entry in entries if _is_image(entry)])


def contents(folder: Path) -> Contents:
    """The Contents of the folder of a class."""
    found = Contents([], [], [], [])
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            why = "" if entry.is_file(follow_symlinks=False) else oddity(entry.path)  # without a system call for each file
            _sort_in(found, Path(entry.path), why)
    return found


def _sort_in(found: Contents, entry: Path, why: str) -> None:
    """Adds an entry of the folder to the Contents; why: its `oddity`."""
    suffix = entry.suffix.lower()
    if _is_junk(entry.name):
        found.skipped.append(entry)
    elif suffix in SUFFIXES:
        found.odd.append((entry, why)) if why else found.images.append(entry)
    elif suffix in UNREAD and not why:
        found.odd.append((entry, f"a {suffix} file, a format that is not read"))
    elif why != "a folder":
        found.skipped.append(entry)
    if why == "a folder" and not _is_junk(entry.name):
        found.below.extend(_images_below(entry))


def is_class(entry: Path) -> bool:
    """Whether this is the folder of a class by its name and kind."""
    return not _is_junk(entry.name) and entry.is_dir()


def _is_junk(name: str) -> bool:
    return name.startswith(".") or name.lower() in NO_CLASSES


def _is_image(entry: Path) -> bool:
    return not _is_junk(entry.name) and entry.suffix.lower() in SUFFIXES and not oddity(entry)


def _images_below(folder: Path) -> Iterator[Path]:
    """The image files in `folder` and all folders in it; links to folders are not followed."""
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not _is_junk(name))
        yield from (entry for entry in (Path(place, name) for name in sorted(files)) if _is_image(entry))


def _parts(path: Path) -> dict[str, Path]:
    """The folders of "train" and "test"; the same folder twice if it has no such folders."""
    found = {part: _part(path, part) for part in PARTS}
    return {part: folder or path for part, folder in found.items()} if all(found.values()) else dict.fromkeys(PARTS, path)


def _part(path: Path, part: str) -> Path | None:
    """The folder of "train" or "test", if there is one; ValueError if there are several."""
    folders = [entry for entry in sorted(path.iterdir()) if entry.is_dir()]
    for names in PARTS[part]:
        found = [folder for folder in folders if folder.name.lower() in names]
        if len(found) > 1:
            several = f"{printable(path)} has the folders {listed([folder.name for folder in found])}"
            raise ValueError(f"open_dataset: {several}, expected one of them: train, and test or val")
        if found:
            return found[0]
    return None
