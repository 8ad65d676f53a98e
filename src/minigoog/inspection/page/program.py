"""The program `python -m minigoog.inspection page`."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from ...cli import output_file
from ...files import atomic_write
from ...text import printable
from .. import inputs
from ..trace.trace import trace
from . import build_page


def add_flags(p: ArgumentParser) -> None:
    """The flags of the program."""
    inputs.add_flags(p)
    p.add_argument("--output", type=output_file, metavar="FILE", default="page.html", help="the page to write (default: page.html)")


def run(flags: Namespace) -> None:
    """Writes the page that the flags describe, and prints how to open it."""
    path = Path(flags.output)
    sample = inputs.load_sample(flags)
    steps = trace(sample.model, sample.image, sample.label)
    text = build_page(steps, sample).encode("utf-8", "backslashreplace")
    with atomic_write(path) as file:
        file.write(text)
    operations = f"{len(steps.forward)} operations forward and {len(steps.backward)} back"
    print(f"{sample.about}\n{printable(path)}: {len(text) / 1e6:.1f} MB, {operations}.")
    print(f"Open it in a browser: {path.resolve().as_uri()}")
