"""What the programs of this package look at: a network with its weights, and images as it sees them."""

from typing import NamedTuple

import numpy as np

from ..data import digits, images
from ..data.transforms import GREY, CenterCrop, Resize
from ..formats import saved_model
from ..models import MODELS, build
from ..tensor import Tensor, no_grad

SIZES = {  # (height, width, channels) of the images that a network was made for
    "alexnet": (227, 227, 3),
    "googlenet": (224, 224, 3),
    "lenet5": (32, 32, 1),
    "nin": (32, 32, 3),
    "small": (32, 32, 3),
    "tiny": (8, 8, 1),
}
UNTRAINED = "untrained, its weights are random: `python -m minigoog.train --tiny` trains one, --weights takes the folder of its run"


class Network(NamedTuple):
    """A network in evaluation, the size [h, w, c] of its images, what they are normalised with, its classes, and what it is."""

    model: object
    size: tuple
    mean: tuple
    std: tuple
    classes: tuple
    about: str


class Sample(NamedTuple):
    """A Network's model and one image [h, w, c] as it sees it, and as a person does: `pixels`, bytes. `about` says what both are."""

    model: object
    image: np.ndarray
    pixels: np.ndarray
    label: int
    classes: tuple
    about: str


def add_network_flags(p):
    """The flags that say which network."""
    p.add_argument("--model", choices=sorted(MODELS), help="the network (default: that of --weights, or tiny)")
    p.add_argument("--weights", metavar="FILE", help="trained weights, or the folder of a run of minigoog.train (default: random ones)")


def add_flags(p):
    """The flags that say which network and image."""
    add_network_flags(p)
    p.add_argument("--image", metavar="FILE", help="the image (default: a digit that ships with minigoog, or a drawn disc)")
    p.add_argument("--label", type=int, metavar="N", help="its class, where gradients start (default: what it is, or is taken for)")
    p.add_argument("--training", action="store_true", help="the network as in training: with dropout and auxiliary heads")


def load_sample(flags):
    """The Sample that the flags ask for; ValueError or OSError, naming the flag or file, if there is none."""
    network = load_network(flags)
    pixels, label, about = _pixels(flags.image, network.size)
    pixels = _fitted(pixels, network.size)
    image = _normalised(pixels, network)
    label = label if flags.label is None else flags.label
    if label is None:
        with no_grad():
            label = int(network.model(Tensor(image[None])).data.argmax())
    if not 0 <= label < len(network.classes):
        raise ValueError(f"--label is {label}, expected 0 to {len(network.classes) - 1}")
    pixels = pixels.round().astype(np.uint8)
    return Sample(network.model.train(flags.training), image, pixels, label, network.classes, f"{network.about}\n{about}")


def load_network(flags):
    """The Network of the flags --model and --weights."""
    if flags.weights is None:
        name = flags.model or "tiny"
        model, size = build(name).eval(), SIZES[name]
        with no_grad():
            n_classes = model(Tensor(np.zeros((1, *size), np.float32))).shape[1]
        nothing = (0.0,) * size[2], (255.0,) * size[2]
        return Network(model, size, *nothing, tuple(map(str, range(n_classes))), f"{name}, {UNTRAINED}")
    path = saved_model.find(flags.weights)
    weights, info = saved_model.load(path)
    if flags.model not in (None, info.model):
        raise ValueError(f"--model is {flags.model}, but {path} has the weights of {info.model}")
    try:
        model = build(info.model, **info.arguments)
        model.load_state_dict(weights)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}: its weights do not fit the network that it names ({error})") from None
    return Network(model.eval(), info.input_size, info.mean, info.std, info.classes, f"{info.model} with the weights of {path}")


def as_input(pixels, network):
    """An image of bytes [h, w, 1 or 3] as the network sees it: its middle square in the network's size and colours, normalised."""
    return _normalised(_fitted(pixels, network.size), network)


def _fitted(pixels, size):
    """The middle square of an image in the size and colours (grey, or three) of `size`."""
    height, width, channels = size
    if pixels.shape[:2] != (height, width):
        pixels = CenterCrop(height)(Resize(height)(pixels, None), None)
    if pixels.shape[2] != channels:
        pixels = (pixels @ GREY)[..., None] if channels == 1 else np.repeat(pixels, channels, axis=2)
    return pixels


def _normalised(pixels, network):
    return (pixels - np.float32(network.mean)) / np.float32(network.std)


def _pixels(path, size):
    """(an image of bytes, its class if that is known, what it is): a file, a digit for networks that see grey, or a disc."""
    if path is not None:
        return images.decode(path), None, f"image {path}"
    if size[2] == 1:
        test = digits()[1]
        return _enlarged(test.images[0], size), int(test.labels[0]), f"a handwritten {test.labels[0]} of the test digits"
    return disc(size), None, "a drawn disc"


def _enlarged(digit, size):
    """A digit of 8x8 pixels enlarged to whole multiples, in the middle of a black map of this size."""
    scale = max((min(size[:2]) - 1) // 8, 1)
    digit = np.kron(digit, np.ones((scale, scale, 1), digit.dtype))
    spaces = [n - 8 * scale for n in size[:2]]
    return np.pad(digit, (*((space // 2, space - space // 2) for space in spaces), (0, 0)))


def disc(size):
    """A bright disc on a ground that grows lighter from left to right, bytes [h, w, 3]."""
    h, w, _ = size
    y, x = (np.arange(h)[:, None] + 0.5) / h, (np.arange(w)[None] + 0.5) / w
    inside = (y - 0.5) ** 2 + (x - 0.5) ** 2 < 0.09
    channels = [np.where(inside, of_disc, of_ground * x) for of_disc, of_ground in ((255, 50), (200, 80), (30, 130))]
    return np.stack(channels, axis=2).astype(np.uint8)
