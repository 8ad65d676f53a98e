"""python -m minigoog.inspection COMMAND: looks into a network."""

from argparse import Namespace
from collections.abc import Callable, Sequence
from typing import NamedTuple

from ..cli import Parser, exit_codes, with_flags
from .branches import program as branches
from .lab import program as lab
from .page import program as page
from .summary import program as summary
from .walk import program as walk

PROG = "python -m minigoog.inspection"


class Command(NamedTuple):
    """A command: its description, its flags, and the function that runs it."""

    does: str
    add_flags: Callable[[Parser], None]
    run: Callable[[Namespace], None]


COMMANDS = {
    "step": Command("a walk in the terminal: one image through a network, forward and backward", walk.add_flags, walk.run),
    "page": Command("the same walk as a page for a browser, in one file", page.add_flags, page.run),
    "branches": Command("what each branch of a network costs and contributes", branches.add_flags, branches.run),
    "lab": Command("the classic mistakes of autograd, one by one, and the checks that catch them", lab.add_flags, lab.run),
    "summary": Command("the layers in a table; for GoogLeNet, the paper's table 1 beside it", summary.add_flags, summary.run),
    "diff": Command("how two networks differ, and what each difference costs", summary.add_diff_flags, summary.run_diff),
}


def parser(prog: str = PROG) -> Parser:
    """The flags of all commands."""
    p = Parser(prog=prog, description=(__doc__ or "").split(": ", 1)[1])
    commands = p.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, command in COMMANDS.items():
        below = commands.add_parser(name, help=command.does, description=command.does)
        below.set_defaults(parser=below)
        command.add_flags(below)
    return p


def main(arguments: Sequence[str] | None = None, prog: str = PROG) -> None:
    """Exit codes: 0 done, 2 wrong flags or files, 130 stopped."""
    flags = parser(prog).parse_args(arguments)
    with exit_codes(flags.parser, reword=with_flags(data="--data")):
        COMMANDS[flags.command].run(flags)


if __name__ == "__main__":
    main()
