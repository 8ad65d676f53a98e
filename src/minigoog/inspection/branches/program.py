"""The program `python -m minigoog.inspection branches`."""

import sys
from argparse import ArgumentParser, Namespace

import numpy as np

from ... import figures, rng
from ...array_types import IntArray
from ...cli import check_outputs, integer
from ...data import digits, open_dataset
from ...data.images import Image
from ...models import INPUT_SIZES
from ...short_training import learn
from ...text import printable
from .. import inputs
from .ledger import branch_ledger

EPOCHS, BATCH, LR = 10, 32, 0.02


def add_flags(p: ArgumentParser) -> None:
    """The flags of the program."""
    inputs.add_network_flags(p)
    p.add_argument("--data", metavar="NAME_OR_PATH", help="labelled images: digits, cifar10, ..., or a folder (default for tiny: digits)")
    p.add_argument("--images", type=integer(1), metavar="N", help="only N of them, evenly spaced")
    p.add_argument("--output", type=figures.output, metavar="FILE", help="draw the ledger to a file (png, svg, pdf); needs matplotlib")


def run(flags: Namespace) -> None:
    """Prints the ledger that the flags select."""
    network = inputs.load_network(flags)
    tiny = network.size == INPUT_SIZES["tiny"]
    data = "digits" if flags.data is None and tiny else flags.data
    if flags.weights is None and data == "digits" and tiny:
        _say("training for a few seconds, because --weights is not given")
        train(network)
        network = network._replace(about="tiny, trained now on the digits (--weights loads another network)")
    if flags.images and data is None:
        raise ValueError(f"--images is {flags.images}, but needs --data with labelled images")
    images, labels = ([inputs.disc(network.size)], None) if data is None else _labelled(data, network, flags)
    ledger = branch_ledger(network.model, network.preprocess(images), labels, _say)
    _say("")
    print(f"{network.about}\n{ledger}")
    if flags.output:
        ledger.plot(flags.output)
        print(f"\nthe same as a figure: {printable(flags.output)}")


def _labelled(data: str, network: inputs.Network, flags: Namespace) -> tuple[list[Image], IntArray]:
    """(uint8 images, labels) of the test part of a data set, --images of them or all."""
    dataset = open_dataset(data, "test")
    check_outputs(flags, getattr(dataset, "paths", ()))
    if tuple(dataset.classes) != network.classes:
        raise ValueError(f"--data {data} has {len(dataset.classes)} classes, but the network has {len(network.classes)}")
    chosen = np.linspace(0, len(dataset) - 1, min(flags.images or len(dataset), len(dataset))).astype(int)
    pairs = [dataset[int(i)] for i in chosen]
    return [image for image, _ in pairs], np.array([label for _, label in pairs])


def train(network: inputs.Network) -> None:
    """Trains a tiny network on the training digits, the same way each time."""
    train_digits = digits()[0]
    with rng.undisturbed():
        learn(network.model, network.preprocess(train_digits.images), train_digits.labels, epochs=EPOCHS, lr=LR, seed=0, batch_size=BATCH)
    network.model.eval()


def _say(text: str) -> None:
    """Shows progress in a line that the next one overwrites; only on a terminal."""
    if sys.stderr.isatty():
        print(f"\r{text:<79}\r", end="", file=sys.stderr, flush=True)
