"""The layers of a network in the order in which they run, found by running it. A convolution and its normalisation are one layer."""

from contextlib import contextmanager
from typing import NamedTuple

import numpy as np

from ...checks import check_shape
from ...nn import ConvBNReLU
from ...nn.module import Parameter
from ...tensor import Tensor, no_grad
from ..trace.undisturbed import undisturbed


class Layer(NamedTuple):
    """One module without parts, and what it did to one image (or batch)."""

    name: str
    kind: str
    settings: str
    in_shape: tuple
    out_shape: tuple
    parameters: int
    multiply_adds: int


def layers(model, input_shape):
    """A Layer for each leaf module that runs on an input of `input_shape`, (h, w, c) or (n, h, w, c), in the model's present mode.

    The model is left as it was: parameters, gradients, running averages, mode, random numbers."""
    shape = tuple(input_shape)
    shape = check_shape("summary", "input_shape", (1, *shape) if len(shape) == 3 else shape, 4)
    found = []
    with no_grad(), _recording(model, found), undisturbed(list(model.named_modules())):
        model(Tensor(np.zeros(shape, np.float32)))
    return found


def own_parameters(module):
    """How many values the module's own parameters have, without its parts' (but of a convolution with normalisation, all)."""
    if isinstance(module, ConvBNReLU):
        return sum(p.size for p in module.parameters())
    return sum(value.size for value in vars(module).values() if isinstance(value, Parameter))


def _leaves(model, prefix=""):
    """(name, module) of each module without parts and of each with parameters of its own, depth first."""
    children = list(model.named_children())
    if own_parameters(model) or not children:
        yield prefix, model
    for name, child in [] if isinstance(model, ConvBNReLU) else children:
        yield from _leaves(child, f"{prefix}.{name}" if prefix else name)


@contextmanager
def _recording(model, found):
    """Within a with-block, each leaf module that is called appends a Layer to `found`."""
    leaves = list(_leaves(model))
    for name, module in leaves:
        module.forward = _recorded(name, module, found)
    try:
        yield
    finally:
        for _, module in leaves:
            del module.forward


def _recorded(name, module, found):
    forward = module.forward

    def recorded(x, **kwargs):
        y = forward(x, **kwargs)
        facts = own_parameters(module), module.multiply_adds(x.shape, y.shape)
        found.append(Layer(name, type(module).__name__, module.settings(), x.shape, y.shape, *facts))
        return y

    return recorded
