"""Running a model without changing it."""

from collections.abc import Iterator
from contextlib import contextmanager

from ... import rng
from ...nn.module import Buffer, Module, Parameter


@contextmanager
def undisturbed(modules: list[tuple[str, Module]]) -> Iterator[None]:
    """Within a with-block, these (name, module) pairs may run, starting without gradients; afterwards their gradients, their running
    averages and the random numbers are restored."""
    values = [value for _, module in modules for value in vars(module).values()]
    parameters = [value for value in values if isinstance(value, Parameter)]
    buffers = [value for value in values if isinstance(value, Buffer)]
    gradients, averages = [parameter.grad for parameter in parameters], [buffer.data.copy() for buffer in buffers]
    for parameter in parameters:
        parameter.grad = None
    try:
        with rng.undisturbed():
            yield
    finally:
        for parameter, grad in zip(parameters, gradients, strict=True):
            parameter.grad = grad
        for buffer, average in zip(buffers, averages, strict=True):
            buffer.data[...] = average
