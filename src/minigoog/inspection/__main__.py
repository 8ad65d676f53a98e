"""python -m minigoog.inspection COMMAND: looks into a network."""

import os
import sys

from ..cli import Parser
from ..models import build
from .branches import program as program_branches
from .inputs import SIZES
from .lab import program as program_lab
from .page import program as program_page
from .summary.diff import diff
from .summary.summary import summary
from .walk import program as program_step


def summary_flags(p):
    p.add_argument("model", choices=sorted(SIZES), help="the network")


def print_summary(flags):
    print(summary(build(flags.model).eval(), SIZES[flags.model]))


def diff_flags(p):
    for which in ("a", "b"):
        p.add_argument(which, choices=sorted(NETWORKS), help="a network")


NETWORKS = {"googlenet-torchvision": ("googlenet", {"variant": "torchvision"})} | {name: (name, {}) for name in SIZES}


def print_diff(flags):
    sizes = [SIZES[NETWORKS[name][0]] for name in (flags.a, flags.b)]
    if sizes[0] != sizes[1]:
        raise ValueError(f"{flags.a} sees images of {sizes[0]} and {flags.b} of {sizes[1]}: nothing can be compared layer by layer")
    print(diff(*(build(NETWORKS[name][0], **NETWORKS[name][1]) for name in (flags.a, flags.b)), sizes[0]))


COMMANDS = {  # what it does, its flags, how it does it
    "step": ("a walk in the terminal, with one image through a network and its gradient back", program_step.add_flags, program_step.run),
    "page": ("the same walk as a page for a browser, in one file", program_page.add_flags, program_page.run),
    "branches": ("what each branch of each Inception module costs and brings", program_branches.add_flags, program_branches.run),
    "lab": ("the classic mistakes of autograd, one by one, and the checks that catch them", program_lab.add_flags, program_lab.run),
    "summary": ("the layers in a table; for GoogLeNet, the paper's table 1 beside it", summary_flags, print_summary),
    "diff": ("what two networks differ in, and what each difference costs", diff_flags, print_diff),
}


def parser():
    """The flags of all commands."""
    p = Parser(prog="python -m minigoog.inspection", description=__doc__.split(": ", 1)[1], allow_abbrev=False)
    commands = p.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, (does, add_flags, _) in COMMANDS.items():
        add_flags(commands.add_parser(name, help=does, description=does, allow_abbrev=False))
    return p


def main():
    """Exit codes: 0 done, 2 wrong flags or files, 130 stopped."""
    p = parser()
    flags = p.parse_args()
    try:
        COMMANDS[flags.command][2](flags)
    except KeyboardInterrupt:
        print("\nstopped", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:  # the reader of a pipe, `head` or a pager, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError, ImportError) as error:
        p.error(f"{flags.command}: {error}")


if __name__ == "__main__":
    main()
