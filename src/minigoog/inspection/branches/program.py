"""The program `python -m minigoog.inspection branches`."""

import sys

import numpy as np

from ... import rng
from ...data import digits, open_dataset
from ...ops import cross_entropy
from ...optim import SGD
from ...tensor import Tensor
from .. import inputs
from .ledger import branch_ledger

EPOCHS, BATCH, LR = 10, 32, 0.02  # 99.4% of the test digits in five seconds on one core, with seeds 0, 1 and 2


def add_flags(p):
    """The flags of the program."""
    inputs.add_network_flags(p)
    p.add_argument("--data", metavar="NAME_OR_PATH", help="labelled images: digits, cifar10, ..., or a folder (default for tiny: digits)")
    p.add_argument("--images", type=int, metavar="N", help="only N of them, evenly spaced")
    p.add_argument("--output", metavar="FILE", help="a picture (png, svg, pdf) to draw; needs matplotlib")


def run(flags):
    """Prints the ledger that the flags ask for."""
    network = inputs.load_network(flags)
    data = "digits" if flags.data is None and network.size == inputs.SIZES["tiny"] else flags.data
    if flags.weights is None and data == "digits" and network.size == inputs.SIZES["tiny"]:
        _say("training for a few seconds, since there are no --weights")
        train(network)
        network = network._replace(about="tiny, trained just now on the digits (--weights takes a network of your own)")
    images, labels = (inputs.disc(network.size)[None], None) if data is None else _labelled(data, network, flags.images)
    images = np.stack([inputs.as_input(image, network) for image in images])
    ledger = branch_ledger(network.model, images, labels, _say)
    _say("")
    print(f"{network.about}\n{ledger}")
    if flags.output:
        ledger.plot(flags.output)
        print(f"\nthe same as a picture: {flags.output}")


def _labelled(data, network, n):
    """(images of bytes, labels) of the test part of a data set, `n` of them."""
    if n is not None and n < 1:
        raise ValueError(f"--images is {n}, expected at least 1")
    dataset = open_dataset(data, "test")
    if tuple(dataset.classes) != network.classes:
        raise ValueError(f"--data {data} has {len(dataset.classes)} classes, but the network knows {len(network.classes)}")
    chosen = np.linspace(0, len(dataset) - 1, min(n or len(dataset), len(dataset))).astype(int)
    pairs = [dataset[int(i)] for i in chosen]
    return [image for image, _ in pairs], np.array([label for _, label in pairs])


def train(network):
    """Trains a tiny network on the training digits, the same way each time."""
    data = digits()[0]
    images = np.stack([inputs.as_input(image, network) for image in data.images])
    model, generator = network.model.train(), np.random.default_rng(0)
    optimizer = SGD(model.parameters(), LR, momentum=0.9)
    with rng.undisturbed():
        for epoch in range(EPOCHS):
            optimizer.lr = LR * (1 - epoch / EPOCHS)
            for chosen in np.array_split(generator.permutation(len(data)), len(data) // BATCH):
                optimizer.zero_grad()
                cross_entropy(model(Tensor(images[chosen])), data.labels[chosen]).backward()
                optimizer.step()
    model.eval()


def _say(text):
    """What is going on, in one line that the next one replaces; only where somebody watches."""
    if sys.stderr.isatty():
        print(f"\r{text:<79}\r", end="", file=sys.stderr, flush=True)
