"""The programs `python -m minigoog.inspection summary` and `diff`."""

import os
from argparse import Namespace
from collections.abc import Iterable

from ...array_types import Shape
from ...cli import Parser, Suggested
from ...data.pretrained import WEIGHTS
from ...loading import flags as weights
from ...models import INPUT_SIZES, build
from ...nn import Module
from ...text import listed
from .diff import diff
from .summary import summary

NETWORKS = {"googlenet-torchvision": ("googlenet", {"variant": "torchvision"})} | {name: (name, {}) for name in INPUT_SIZES}


def add_flags(p: Parser) -> None:
    """The flags of `summary`."""
    _add_network(p, "model", INPUT_SIZES)
    weights.add_brief_flags(p)


def _add_network(p: Parser, name: str, known: Iterable[str]) -> None:
    """A network by its name, or trained."""
    text = f"{', '.join(sorted(known))}, a run's folder, or a file of weights"
    p.add_argument(name, type=Suggested(sorted(known)), metavar="NETWORK", help=text)


def _network(name: str, flags: Namespace) -> tuple[Module, Shape]:
    """(a network, (height, width, channels) of its input) by its name, or from a run's folder or a file of weights."""
    if name in NETWORKS:
        weights.check_none(flags)
        known, arguments = NETWORKS[name]
        return build(known, **arguments).eval(), INPUT_SIZES[known]
    if not os.path.exists(name) and name not in WEIGHTS:
        raise ValueError(f"{name}: expected one of {listed(NETWORKS)}, or a run's folder or file of weights")
    model = weights.load_with(flags, name)
    return model, model.info.input_size


def run(flags: Namespace) -> None:
    """Prints the layers of a network."""
    print(summary(*_network(flags.model, flags)))


def add_diff_flags(p: Parser) -> None:
    """The flags of `diff`."""
    _add_network(p, "a", NETWORKS)
    _add_network(p, "b", NETWORKS)


def run_diff(flags: Namespace) -> None:
    """Prints how two networks differ; ValueError if they take images of different sizes."""
    (a, size), (b, other_size) = (_network(name, flags) for name in (flags.a, flags.b))
    if size != other_size:
        raise ValueError(f"{flags.a} takes images of {size} and {flags.b} of {other_size}: their layers cannot be compared one by one")
    print(diff(a, b, size))
