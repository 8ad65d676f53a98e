"""The programs `python -m minigoog.inspection summary` and `diff`."""

from argparse import Namespace

from ...cli import Parser
from ...models import INPUT_SIZES, build
from .diff import diff
from .summary import summary

NETWORKS = {"googlenet-torchvision": ("googlenet", {"variant": "torchvision"})} | {name: (name, {}) for name in INPUT_SIZES}


def add_flags(p: Parser) -> None:
    """The flags of `summary`."""
    p.add_argument("model", choices=sorted(INPUT_SIZES), help="the network")


def run(flags: Namespace) -> None:
    """Prints the layers of a network."""
    print(summary(build(flags.model).eval(), INPUT_SIZES[flags.model]))


def add_diff_flags(p: Parser) -> None:
    """The flags of `diff`."""
    for which, text in (("a", f"a network: {', '.join(sorted(NETWORKS))}"), ("b", "another")):
        p.add_argument(which, metavar=which, choices=sorted(NETWORKS), help=text)


def run_diff(flags: Namespace) -> None:
    """Prints how two networks differ; ValueError if they take images of different sizes."""
    sizes = [INPUT_SIZES[NETWORKS[name][0]] for name in (flags.a, flags.b)]
    if sizes[0] != sizes[1]:
        raise ValueError(f"{flags.a} takes images of {sizes[0]} and {flags.b} of {sizes[1]}: their layers cannot be compared one by one")
    a, b = (build(NETWORKS[name][0], **NETWORKS[name][1]) for name in (flags.a, flags.b))
    print(diff(a, b, sizes[0]))
