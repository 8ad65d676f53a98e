"""`page`: how a detector came to what it says about a picture, for a browser."""

from argparse import Namespace
from pathlib import Path

from ...cli import Parser, output_file
from ...data.images import decode
from ...files import atomic_write
from ...text import printable
from ..page import build_page
from . import threads
from .detecting import opened


def add_flags(p: Parser) -> None:
    """The flags of `page`."""
    p.add_argument("detector", metavar="DETECTOR", help="what train wrote: its folder, or the file in it")
    p.add_argument("picture", metavar="PICTURE", help="an image")
    p.add_argument("--output", type=output_file, default="detection.html", metavar="FILE", help="(default: detection.html)")
    threads.add_flag(p)


def run(flags: Namespace) -> None:
    """Writes the page."""
    threads.use(flags)
    page = build_page(opened(flags, flags.detector), decode(flags.picture), printable(Path(flags.picture).name))
    with atomic_write(flags.output) as file:
        file.write(page.encode())
    print(f"{printable(flags.output)}: {len(page.encode()):,} bytes")
