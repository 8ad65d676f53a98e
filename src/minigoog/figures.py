"""Figures, drawn with matplotlib (extra `plots`), which is imported only when one is drawn."""

import os
import warnings
from argparse import ArgumentTypeError
from pathlib import Path
from typing import Any, TypeAlias

from .cli import output_file
from .files import atomic_write
from .text import listed

Figure: TypeAlias = Any  # matplotlib's Figure, an optional package
ENDINGS = ("png", "svg", "pdf", "jpg", "jpeg", "webp", "tif", "tiff", "eps", "ps")  # of what matplotlib writes


def new(width: float, height: float) -> Figure:
    """An empty figure of this size in inches; ImportError, saying what to install, without matplotlib."""
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError:
        raise ImportError("figures need matplotlib: pip install 'minigoog[plots]'") from None
    return Figure(figsize=(width, height), layout="constrained")


def save(figure: Figure, path: str | os.PathLike[str], dpi: int) -> None:
    """Writes a figure to a file of the kind that its name says, atomically; ValueError for another ending than those of ENDINGS."""
    kind = file_kind(path)
    with atomic_write(path) as file, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph ")  # a character of a name that the font lacks is drawn as a box
        figure.savefig(file, format=kind, dpi=dpi)


def file_kind(path: str | os.PathLike[str]) -> str:
    """The ending of a file's name, png if it has none; ValueError, naming the file, if matplotlib does not write such files."""
    kind = Path(path).suffix[1:].lower() or "png"
    if kind not in ENDINGS:
        raise ValueError(f"{path}: expected a file's name that ends with one of .{listed(ENDINGS, 10).replace(', ', ' .')}")
    return kind


def output(text: str) -> str:
    """An argparse type: a file that a figure can be written to, checked before any work."""
    try:
        file_kind(text)
        new(1, 1)
    except (ImportError, ValueError) as error:
        raise ArgumentTypeError(str(error)) from None
    return output_file(text)
