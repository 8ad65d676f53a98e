"""The flags of programs that say how a network from elsewhere is to be used: `load_with` loads what they select."""

import argparse
import re
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from typing import Any

from ..cli import Suggested, number
from ..data.families import FAMILIES
from ..data.preprocess import COLOURS
from . import load
from .pixels import CHANGES
from .trained import TrainedModel

SIZE = re.compile(r"(\d{1,5})(?:x(\d{1,5}))?")


def add_flags(p: ArgumentParser, brief: bool = False) -> None:
    """The flags, in a group of their own. brief: --help shows --preprocess and --classes only; the others are taken too."""
    group = p.add_argument_group("weights from elsewhere (.onnx, .caffemodel, .pth)")

    def add(name: str, help: str, always: bool = False, **settings: Any) -> None:
        group.add_argument(name, help=argparse.SUPPRESS if brief and not always else help, **settings)

    families = Suggested(FAMILIES)
    add("--preprocess", "how photographs are prepared: torchvision, caffe, keras, ...", True, type=families, metavar="NAME")
    add("--classes", "names of the classes: one a line, or JSON", True, metavar="FILE")
    add("--size", "pixels of the network's input, such as 224 or 48x192", type=size, metavar="N[xM]")
    add("--mean", "what is subtracted from 0 to 255, one or for each channel", type=number, nargs="+", metavar="X")
    add("--std", "what that is divided by", type=number, nargs="+", metavar="X")
    add("--colours", "order of the channels: RGB or BGR", choices=COLOURS)
    add("--prototxt", "of a .caffemodel (default: the one beside it)", metavar="FILE")
    add("--download", "fetch public weights that are given by name", action="store_true")


def size(text: str) -> tuple[int, int]:
    """An argparse type: (height, width)."""
    match = SIZE.fullmatch(text)
    if not match or not int(match[1]) or not int(match[2] or 1):
        raise ArgumentTypeError(f"expected pixels, as in 224 or 48x192 (height x width), got {text!r}")
    return int(match[1]), int(match[2] or match[1])


def load_with(flags: Namespace, path: str) -> TrainedModel:
    """The model in a file, as the flags say, as far as the program has them."""
    given = {name: value for name, value in vars(flags).items() if value is not None}
    changes = {name: tuple(given[name]) if isinstance(given[name], list) else given[name] for name in CHANGES if name in given}
    name = given.get("preprocess")
    return load(
        path, preprocess={"name": name} | changes if changes else name, classes=given.get("classes"), prototxt=given.get("prototxt"),
        download=given.get("download", False),
    )  # fmt: skip
