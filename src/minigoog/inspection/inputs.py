"""The inputs of the programs in this package: a network with its weights, and images as it sees them."""

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..array_types import Array, IntArray, Shape
from ..cli import integer
from ..data import digits, images
from ..data.preprocess import Preprocess
from ..importing import ImportedNetwork
from ..loading import flags as weights
from ..models import INPUT_SIZES, MODELS, build
from ..nn import Module
from ..tensor import Tensor, no_grad
from ..text import printable

UNTRAINED = "untrained, its weights are random\n(`python -m minigoog.train --tiny` trains one, --weights RUN loads it)"

NO_WEIGHTS = (  # the tiny network, which has learned nothing, would see 8x8 grey pixels
    "--image is given without --weights: add --weights googlenet-onnx --download, which fetches GoogLeNet (28 MB, 1,000 classes), "
    "or --weights FILE (.onnx, .caffemodel, .pth, a run's folder); without --image you see a digit"
)


class Network(NamedTuple):
    """A network in evaluation mode, how images become its input, its classes, and a description."""

    model: Module
    preprocess: Preprocess
    classes: tuple[str, ...]
    about: str

    @property
    def size(self) -> Shape:
        """(height, width, channels) of its input."""
        return self.preprocess.input_size


class Sample(NamedTuple):
    """A Network's model, one image [h, w, c] as it sees it, and the image for display: `pixels`, uint8. `about` describes both."""

    model: Module
    image: Array
    pixels: IntArray
    label: int
    classes: tuple[str, ...]
    about: str
    colours: str = ""  # the order of its channels: RGB or BGR; "" for others
    preprocess: Preprocess | None = None  # how `pixels`, or another image, become its input

    @property
    def name(self) -> str:
        """What the network is called: its class, or if it is imported, its file."""
        is_imported = isinstance(self.model, ImportedNetwork) and hasattr(self.model, "path")
        return printable(Path(self.model.path).stem) if is_imported else type(self.model).__name__


def add_network_flags(p: ArgumentParser) -> None:
    """The flags that select the network."""
    p.add_argument("--model", choices=sorted(MODELS), metavar="MODEL", help=f"{', '.join(MODELS)} (default: that of --weights, or tiny)")
    p.add_argument("--weights", metavar="FILE", help="a run's folder, or a file of weights (default: random weights)")
    weights.add_brief_flags(p)


def add_flags(p: ArgumentParser) -> None:
    """The flags that select the network and the image."""
    add_network_flags(p)
    p.add_argument("--image", metavar="FILE", help="the image, with --weights or --model (default: a digit or a drawn disc)")
    p.add_argument("--label", type=integer(), metavar="N", help="its class, where gradients start (default: the true or the predicted one)")
    p.add_argument("--training", action="store_true", help="run the network in training mode, with dropout and auxiliary heads")


def load_sample(flags: Namespace) -> Sample:
    """The Sample that the flags select; ValueError or OSError, naming the flag or file, if there is none."""
    photograph = None if flags.image is None else images.decode(flags.image)
    if photograph is not None and flags.weights is None and flags.model is None:
        raise ValueError(NO_WEIGHTS)
    network = load_network(flags)
    pixels, label, about = _pixels(network.size) if photograph is None else (photograph, None, f"image {printable(flags.image)}")
    pixels = network.preprocess.middle(pixels)
    image = network.preprocess.normalized(pixels)
    label = label if flags.label is None else flags.label
    if label is None:
        with no_grad():
            label = int(network.model(Tensor(image[None])).data.argmax())
    if not 0 <= label < len(network.classes):
        raise ValueError(f"--label is {label}, expected 0 to {len(network.classes) - 1}")
    pixels = pixels.round().astype(np.uint8)
    colours = network.preprocess.colours if image.shape[2] == len("RGB") else ""
    return Sample(network.model.train(flags.training), image, pixels, label, network.classes, f"{network.about}\n{about}", colours,
                  network.preprocess)


def load_network(flags: Namespace) -> Network:
    """The Network of the flags --model and --weights."""
    if flags.weights is None:
        weights.check_none(flags)
        return _untrained(flags.model or "tiny")
    model = weights.load_with(flags, flags.weights)
    if flags.model not in (None, model.info.model):
        raise ValueError(f"--model is {flags.model}, but {model.path} has the weights of {model.info.model}")
    if not model.classes:
        raise ValueError(f"{printable(model.path)}: no classifier, so it has no class to look into")
    if isinstance(model, ImportedNetwork):
        model.logits = True  # a loss takes logits
    kind = "" if isinstance(model, ImportedNetwork) else f"{model.info.model} with the weights of "
    return Network(model, model.preprocess, model.classes, kind + printable(model.path))


def _untrained(name: str) -> Network:
    """The Network `name` with random weights; it sees values from 0 to 1."""
    model, size = build(name).eval(), INPUT_SIZES[name]
    with no_grad():
        n_classes = model(Tensor(np.zeros((1, *size), np.float32))).shape[1]
    preprocess = Preprocess(size, size[0], (0.0,) * size[2], (255.0,) * size[2])
    return Network(model, preprocess, tuple(map(str, range(n_classes))), f"{name}, {UNTRAINED}")


def _pixels(size: Shape) -> tuple[IntArray, int | None, str]:
    """(a uint8 image, its class if known, a description): a digit for networks that take grey images, or a disc."""
    if size[2] == 1:
        test = digits()[1]
        return _enlarged(test.images[0], size), int(test.labels[0]), f"a handwritten {test.labels[0]} of the test digits"
    return disc(size), None, "a drawn disc"


def _enlarged(digit: IntArray, size: Shape) -> IntArray:
    """A digit of 8x8 pixels enlarged by an integer factor, in the middle of a black map of this size."""
    scale = max((min(size[:2]) - 1) // 8, 1)
    digit = np.kron(digit, np.ones((scale, scale, 1), digit.dtype))
    spaces = [n - 8 * scale for n in size[:2]]
    return np.pad(digit, (*((space // 2, space - space // 2) for space in spaces), (0, 0)))


def disc(size: Shape) -> IntArray:
    """A bright disc on a background that gets lighter from left to right, uint8 [h, w, 3]."""
    h, w, _ = size
    y, x = (np.arange(h)[:, None] + 0.5) / h, (np.arange(w)[None] + 0.5) / w
    inside = (y - 0.5) ** 2 + (x - 0.5) ** 2 < 0.09
    channels = [np.where(inside, of_disc, of_ground * x) for of_disc, of_ground in ((255, 50), (200, 80), (30, 130))]
    return np.stack(channels, axis=2).astype(np.uint8)
