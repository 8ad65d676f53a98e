"""python -m minigoog.inspection COMMAND: looks into a network."""

from collections.abc import Sequence

from ..cli import Command, Parser, exit_codes, with_commands, with_flags
from .branches import program as branches
from .lab import program as lab
from .page import program as page
from .summary import program as summary
from .walk import program as walk

PROG = "python -m minigoog.inspection"

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
    return with_commands(Parser(prog=prog, description=(__doc__ or "").split(": ", 1)[1]), COMMANDS)


def main(arguments: Sequence[str] | None = None, prog: str = PROG) -> None:
    """Exit codes: 0 done, 2 wrong flags or files, 130 stopped."""
    flags = parser(prog).parse_args(arguments)
    with exit_codes(flags.parser, reword=with_flags(data="--data")):
        COMMANDS[flags.command].run(flags)


if __name__ == "__main__":
    main()
