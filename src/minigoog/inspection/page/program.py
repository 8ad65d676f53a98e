"""The program `python -m minigoog.inspection page`."""

import os
from pathlib import Path

from ...files import whole_file
from .. import inputs
from ..trace.trace import trace
from . import build_page


def add_flags(p):
    """The flags of the program."""
    inputs.add_flags(p)
    p.add_argument("--output", metavar="FILE", default="page.html", help="the page to write (default: page.html)")


def run(flags):
    """Writes the page that the flags ask for, and says how to look at it."""
    path = _writable(flags.output)
    subject = inputs.load_subject(flags)
    steps = trace(subject.model, subject.image, subject.label)
    text = build_page(steps, subject).encode()
    with whole_file(path) as file:
        file.write(text)
    print(f"{subject.about}\n{path}: {len(text) / 1e6:.1f} MB, {len(steps.forward)} operations forward and {len(steps.backward)} back.")
    print(f"Open it in a browser: {path.resolve().as_uri()}")


def _writable(path):
    """The path of the page; an error that names it now, not after the work, if it cannot be written."""
    path = Path(path)
    if path.is_dir():
        raise ValueError(f"--output {path} is a folder, expected the name of a file")
    if not path.parent.is_dir():
        raise ValueError(f"--output {path}: there is no folder {path.parent}")
    if not os.access(path.parent, os.W_OK):
        raise PermissionError(f"--output {path}: the folder {path.parent} cannot be written to")
    return path
