"""--threads: how many threads of the C kernels a command uses."""

from argparse import Namespace

from ... import kernels
from ...cli import Parser, integer


def add_flag(p: Parser) -> None:
    """--threads."""
    p.add_argument("--threads", type=integer(1), metavar="N", help="threads of the C kernels (default: all cores)")


def use(flags: Namespace) -> None:
    """From now on, kernels use so many threads."""
    if flags.threads:
        kernels.set_num_threads(flags.threads)
