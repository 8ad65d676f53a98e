"""What an example shows, with its mistake and without: gradients, or the differences that are to check them."""

import numpy as np

from ...tensor import Tensor
from .differences import central_difference
from .tape import LabTape

STEPS = {  # of the mistakes that are not in the tape but in the check: the settings of the difference, wrong and right
    "float32": {True: {"eps": 1e-6, "dtype": np.float32}, False: {"eps": 1e-6, "dtype": np.float64}},
    "kink": {True: {"eps": 1e-6, "dtype": np.float64}, False: {"eps": 1e-8, "dtype": np.float64}},
}


def run(mistake, on):
    """(inputs by name, LabTape) of the example, with the switch of this mistake on or off, before any backward."""
    inputs = {name: Tensor([value], requires_grad=True) for name, value in mistake.at.items()}
    result = mistake.example(*inputs.values())
    return inputs, LabTape(result, *([mistake.name] if on else []))


def gradients(mistake, on):
    """The gradient of each input after a backward pass."""
    inputs, tape = run(mistake, on)
    tape.backward()
    return {f"{name}.grad": x.grad.item() for name, x in inputs.items()}


def after_two_backwards(mistake, on):
    """The gradient of each input after one backward pass, and after another over the same tape."""
    inputs, tape = run(mistake, on)
    shown = {}
    for when in ("after one backward", "after two"):
        tape.backward()
        shown |= {f"{name}.grad {when}": x.grad.item() for name, x in inputs.items()}
    return shown


def differences(mistake, on):
    """The gradient of each input as central differences tell it."""
    settings = STEPS[mistake.name][on]
    at = list(mistake.at.values())
    text = f"{settings['dtype'].__name__}, step {settings['eps']:g}"
    return {f"{name}, {text}": central_difference(mistake.example, at, i, **settings) for i, name in enumerate(mistake.at)}
