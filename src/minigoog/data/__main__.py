"""python -m minigoog.data check FOLDER: says what is wrong with a folder of images."""

import json
import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from ..cli import Parser, check_outputs, exit_codes, output_file, with_flags
from ..files import atomic_write
from .check import check
from .scan import SUFFIXES

PROG = "python -m minigoog.data"
CHECK = "decodes all images; lists damaged and odd ones, counts classes and sizes"


def parser(prog: str = PROG) -> Parser:
    """The flags of all commands."""
    p = Parser(prog=prog, description=(__doc__ or "").split(": ", 1)[1])
    commands = p.add_subparsers(dest="command", metavar="COMMAND", required=True)
    below = commands.add_parser("check", help=CHECK, description=CHECK, epilog="exit codes: 0 no faults, 1 faults, 2 wrong flags or folder")
    below.set_defaults(parser=below)
    below.add_argument("folder", metavar="FOLDER", help="as for --data of train")
    below.add_argument("--json", type=output_file, metavar="FILE", help="also writes the results to a file")
    return p


def run(flags: Namespace) -> bool:
    """Prints what `check` finds; whether there are no faults."""
    check_outputs(flags, (file for file in Path(flags.folder).rglob("*") if file.suffix.lower() in SUFFIXES))
    report = check(flags.folder)
    print(report.text())
    if flags.json:
        with atomic_write(flags.json) as file:
            file.write(json.dumps(report.as_json(), indent=2).encode() + b"\n")
    return not report.faults


def main(arguments: Sequence[str] | None = None, prog: str = PROG) -> None:
    """Exit codes: 0 no faults, 1 faults, 2 wrong flags or folder, 130 stopped."""
    flags = parser(prog).parse_args(arguments)
    with exit_codes(flags.parser, reword=with_flags(data="FOLDER")):
        if not run(flags):
            sys.exit(1)


if __name__ == "__main__":
    main()
