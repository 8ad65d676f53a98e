"""The flags of programs that say how a network from elsewhere is to be used: `load_with` loads what they select."""

import re
from argparse import SUPPRESS, ArgumentTypeError, Namespace
from collections.abc import Callable
from typing import Any

from ..cli import Parser, check_outputs, number
from ..data.families import FAMILIES
from ..data.preprocess import COLOURS
from . import load
from .pixels import CHANGES
from .trained import TrainedModel

SIZE = re.compile(r"(\d{1,5})(?:x(\d{1,5}))?")


def add_flags(p: Parser) -> None:
    """The flags, in a group of their own."""
    _add(p.add_argument_group("weights from elsewhere (.onnx, .caffemodel, .pth)"))


def add_brief_flags(group: Any) -> None:
    """The same flags in a group of others; --help shows only the first."""
    _add(group, lambda name, _: "how it wants photos: caffe, ... (see classify --help)" if name == "--preprocess" else SUPPRESS)


def _add(group: Any, said: Callable[[str, str], str] = lambda name, help: help) -> None:
    def add(name: str, help: str, **settings: Any) -> None:
        group.add_argument(name, help=said(name, help), **settings)

    add("--preprocess", "how photos are prepared: torchvision, caffe, ...", choices=tuple(FAMILIES), metavar="NAME")
    add("--classes", "names of the classes: one a line, or JSON", metavar="FILE")
    add("--size", "pixels of the network's input, such as 224 or 48x192", type=size, metavar="N[xM]")
    add("--mean", "subtracted from 0 to 255, one or for each channel", type=number, nargs="+", metavar="X")
    add("--std", "what the rest is divided by", type=number, nargs="+", metavar="X")
    add("--colours", "order of the channels: RGB or BGR", choices=COLOURS)
    add("--prototxt", "of a .caffemodel (default: the one beside it)", metavar="FILE")
    add("--download", "fetch public weights that are given by name", action="store_true")


def size(text: str) -> tuple[int, int]:
    """An argparse type: (height, width)."""
    match = SIZE.fullmatch(text)
    if not match or not int(match[1]) or not int(match[2] or 1):
        raise ArgumentTypeError(f"expected pixels, as in 224 or 48x192 (height x width), got {text!r}")
    return int(match[1]), int(match[2] or match[1])


def check_none(flags: Namespace) -> None:
    """ValueError, naming it, for one of these flags where a program was given no weights."""
    for name in ("preprocess", "classes", "prototxt", "download", *CHANGES):
        if getattr(flags, name, None):
            raise ValueError(f"--{name} needs weights: it says how a file of them is to be used, and none is given")


def load_with(flags: Namespace, path: str) -> TrainedModel:
    """The model in a file, as the flags say, as far as the program has them."""
    given = {name: value for name, value in vars(flags).items() if value is not None}
    changes = {name: tuple(given[name]) if isinstance(given[name], list) else given[name] for name in CHANGES if name in given}
    name = given.get("preprocess")
    model = load(
        path, preprocess={"name": name} | changes if changes else name, classes=given.get("classes"), prototxt=given.get("prototxt"),
        download=given.get("download", False),
    )  # fmt: skip
    check_outputs(flags, [model.path])  # a run's folder is given, and its file is read
    return model
