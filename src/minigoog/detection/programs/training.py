"""`train`: a detector for the classes of a data set, from the weights of a classifier."""

import sys
import time
from argparse import BooleanOptionalAction, Namespace
from dataclasses import fields
from pathlib import Path
from typing import Any

from ...cli import Parser, integer, number, output_folder
from ...loading import load
from ..rcnn import settings
from ..rcnn.settings import CHOICES, INTEGERS, REALS, Settings
from ..rcnn.training import train
from . import data, threads

EVERY = 10.0  # seconds between lines where there is no terminal
HELP = {
    "size": "pixels of a crop", "frozen": "the layer up to which the network stays as it is", "strategy": "of selective search",
    "superpixels": "2, as in the paper, halves the number of boxes", "width": "pixels to which pictures are resized for proposals",
    "smallest": "drop boxes below N pixels there",
    "overlap": "drop boxes whose IoU with a better ranked one is above X", "most": "proposals of a picture", "seed": "of everything random",
    "positives": "windows of each object for training", "negatives": "windows of the background of each picture",
    "steps": "of fine-tuning, of 128 windows", "rate": "the first learning rate of the layers that are not frozen; 0: only the head learns",
    "head_rate": "that of the new head", "drop": "after every N steps the rates become a tenth; 0: they follow half a cosine",
    "balance": "1: batches have as many windows of each class; 0: as many as there are", "models": "members of the ensemble",
    "svm": "also train an SVM of each class (extra `detection`)",
    "regress": "move boxes to what they hold", "penalty": "of the weights of box regression", "head": "what judges boxes",
    "nms": "a box goes if its IoU with a better one is above X",
    "multibox": "how many boxes MultiBox adds to the proposals (the paper: 200; extra `detection`)",
    "whole": "pixels to which whole pictures are squeezed for MultiBox",
    "multibox_layer": "the layer whose map MultiBox reads (default: that of --frozen)",
    "multibox_steps": "of the training of MultiBox, of 32 pictures",
}  # fmt: skip


def add_flags(p: Parser) -> None:
    """The flags of `train`: data, network, and one for each setting."""
    data.add_flags(p, required=True)
    p.add_argument("--weights", required=True, metavar="WEIGHTS", help="a run or a file of a classifier, or googlenet-caffe and the like")
    p.add_argument("--download", action="store_true", help="fetch public weights that are given by name")
    p.add_argument("--output", required=True, type=output_folder, metavar="DIR", help="the detector; a run that was stopped goes on there")
    p.add_argument("--config", metavar="NAME", help=f"settings: {', '.join(settings.names())}, or a TOML file; flags override them")
    threads.add_flag(p)
    group = p.add_argument_group("settings")
    for field in fields(Settings):
        group.add_argument(f"--{field.name.replace('_', '-')}", dest=field.name, **_flag(field.name, field.default))


def _flag(name: str, default: Any) -> dict[str, Any]:
    shown = str(default).lower() if isinstance(default, bool) else default
    said = HELP[name] if default == "" else f"{HELP[name]} (default: {shown})"
    if isinstance(default, bool):
        return {"action": BooleanOptionalAction, "default": None, "help": said}
    if name in CHOICES:
        return {"choices": CHOICES[name], "help": said}
    kind = integer(*INTEGERS[name]) if name in INTEGERS else number if name in REALS else str
    return {"type": kind, "metavar": "N" if name in INTEGERS else "X" if name in REALS else "NAME", "help": said}


def run(flags: Namespace) -> None:
    """Trains, and says where it is."""
    threads.use(flags)
    given = {field.name: getattr(flags, field.name) for field in fields(Settings) if getattr(flags, field.name) is not None}
    chosen = settings.from_facts((settings.from_file(flags.config) if flags.config else {}) | given)
    dataset = data.opened(flags)
    model = load(flags.weights, download=flags.download)
    report = Report()
    try:
        for said in train(model, dataset, chosen, Path(flags.output)):
            report.say(said)
    except KeyboardInterrupt:
        raise KeyboardInterrupt("stopped; the same command goes on from here") from None
    report.end()


class Report:
    """Lines about what goes on: on a terminal the last one, else one every few seconds, and the last one of each kind."""

    def __init__(self) -> None:
        self.last, self.said, self.terminal = "", 0.0, sys.stderr.isatty()

    def say(self, text: str) -> None:
        """What is done now."""
        if self.terminal:
            print(f"\r{text}\033[K", end="", file=sys.stderr, flush=True)
        elif self.last and (text.split()[:2] != self.last.split()[:2] or time.perf_counter() - self.said > EVERY):
            self._line()
        self.last = text

    def end(self) -> None:
        """The last line stays."""
        if self.terminal:
            print(file=sys.stderr)
        if self.last:
            self._line()

    def _line(self) -> None:
        print(self.last, flush=True)
        self.said = time.perf_counter()
