"""The layers of a network in the order in which they run, found by running it. A convolution and its normalisation are one layer."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from ...array_types import Shape
from ...checks import check_shape
from ...nn import ConvBNReLU
from ...nn.module import Module, Parameter, check_module
from ...tensor import Tensor, no_grad
from ..trace.undisturbed import undisturbed


class Layer(NamedTuple):
    """One module without parts, with the shapes of one forward pass."""

    name: str
    kind: str
    settings: str
    in_shape: Shape
    out_shape: Shape
    parameters: int
    multiply_adds: int


def layers(model: Module, input_shape: Shape, where: str = "summary", name: str = "model") -> list[Layer]:
    """A Layer for each leaf module that runs on an input of `input_shape`, (h, w, c) or (n, h, w, c), in the model's current mode.

    Nothing of the model changes: parameters, gradients, running averages, mode, random numbers. No other thread may use it meanwhile.
    Errors name the function `where` and its argument `name`."""
    check_module(where, name, model)
    one_image = isinstance(input_shape, (tuple, list)) and len(input_shape) == 3
    shape = check_shape(where, "input_shape", (1, *input_shape) if one_image else input_shape, 4)
    found: list[Layer] = []
    with no_grad(), _recording(model, found), undisturbed(list(model.named_modules())):
        model(Tensor(np.zeros(shape, np.float32)))
    return found


def own_parameters(module: Module) -> int:
    """How many values the module's own parameters have, without its parts' (but of a convolution with normalisation, all)."""
    if isinstance(module, ConvBNReLU):
        return sum(p.size for p in module.parameters())
    return sum(value.size for value in vars(module).values() if isinstance(value, Parameter))


def _leaves(model: Module, prefix: str = "") -> Iterator[tuple[str, Module]]:
    """(name, module) of each module that has no parts, or has parameters itself, depth first."""
    children = list(model.named_children())
    if own_parameters(model) or not children:
        yield prefix, model
    for name, child in [] if isinstance(model, ConvBNReLU) else children:
        yield from _leaves(child, f"{prefix}.{name}" if prefix else name)


@contextmanager
def _recording(model: Module, found: list[Layer]) -> Iterator[None]:
    """Within a with-block, each leaf module that is called appends a Layer to `found`."""
    leaves = list(_leaves(model))
    for name, module in leaves:
        vars(module)["forward"] = _recorded(name, module, found)
    try:
        yield
    finally:
        for _, module in leaves:
            del vars(module)["forward"]


def _recorded(name: str, module: Module, found: list[Layer]) -> Callable[..., Tensor]:
    forward = module.forward

    def recorded(x: Tensor, *others: Tensor, **kwargs: Any) -> Tensor:
        y: Tensor = forward(x, *others, **kwargs)
        facts = own_parameters(module), module.multiply_adds(x.shape, y.shape)
        found.append(Layer(name, type(module).__name__, module.settings(), x.shape, y.shape, *facts))
        return y

    return recorded
