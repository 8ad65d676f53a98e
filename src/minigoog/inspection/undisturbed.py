"""Looking without touching."""

from contextlib import contextmanager

from .. import rng
from ..nn.module import Buffer


@contextmanager
def undisturbed(model):
    """Within a with-block `model` may run, from no gradients: afterwards its gradients, running averages and the random numbers are
    what they were."""
    parameters = model.parameters()
    buffers = [value for _, module in model.named_modules() for value in vars(module).values() if isinstance(value, Buffer)]
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
