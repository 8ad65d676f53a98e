"""The program `python -m minigoog.inspection page`."""

import os
from argparse import ArgumentParser, Namespace
from pathlib import Path

from ...files import atomic_write
from ...text import printable
from .. import inputs
from ..trace.trace import trace
from . import build_page


def add_flags(p: ArgumentParser) -> None:
    """The flags of the program."""
    inputs.add_flags(p)
    p.add_argument("--output", metavar="FILE", default="page.html", help="the page to write (default: page.html)")


def run(flags: Namespace) -> None:
    """Writes the page that the flags describe, and prints how to open it."""
    path = _writable(flags.output)
    sample = inputs.load_sample(flags)
    steps = trace(sample.model, sample.image, sample.label)
    text = build_page(steps, sample).encode("utf-8", "backslashreplace")
    with atomic_write(path) as file:
        file.write(text)
    operations = f"{len(steps.forward)} operations forward and {len(steps.backward)} back"
    print(f"{sample.about}\n{printable(path)}: {len(text) / 1e6:.1f} MB, {operations}.")
    print(f"Open it in a browser: {path.resolve().as_uri()}")


def _writable(name: str) -> Path:
    """The path of the page; raises an error naming it, before any work, if it cannot be written."""
    path = Path(name)
    if path.is_dir():
        raise ValueError(f"--output {path} is a folder, expected the name of a file")
    if not path.parent.is_dir():
        raise ValueError(f"--output {path}: there is no folder {path.parent}")
    if not os.access(path.parent, os.W_OK):
        raise PermissionError(f"--output {path}: the folder {path.parent} cannot be written to")
    return path
