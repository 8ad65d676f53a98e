"""What an example shows, with its mistake and without: gradients, or the differences that check them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ...tensor import Tensor
from .differences import central_difference
from .tape import LabTape

if TYPE_CHECKING:
    from .mistakes import Mistake

# for mistakes in the check instead of the tape: the settings of the difference, wrong and right
STEPS: dict[str, dict[bool, dict[str, Any]]] = {
    "float32": {True: {"eps": 1e-6, "dtype": np.float32}, False: {"eps": 1e-6, "dtype": np.float64}},
    "kink": {True: {"eps": 1e-6, "dtype": np.float64}, False: {"eps": 1e-8, "dtype": np.float64}},
}


def run(mistake: Mistake, on: bool) -> tuple[dict[str, Tensor], LabTape]:
    """(inputs by name, LabTape) of the example, with the switch of this mistake on or off, before any backward."""
    inputs = {name: Tensor([value], requires_grad=True) for name, value in mistake.at.items()}
    result = mistake.example(*inputs.values())
    return inputs, LabTape(result, *([mistake.name] if on else []))


def gradients(mistake: Mistake, on: bool) -> dict[str, float]:
    """The gradient of each input after a backward pass."""
    inputs, tape = run(mistake, on)
    tape.backward()
    return {f"{name}.grad": _number(x) for name, x in inputs.items()}


def _number(x: Tensor) -> float:
    """The gradient of an input of one value."""
    assert x.grad is not None
    return float(x.grad.item())


def after_two_backwards(mistake: Mistake, on: bool) -> dict[str, float]:
    """The gradient of each input after one backward pass, and after another over the same tape."""
    inputs, tape = run(mistake, on)
    shown: dict[str, float] = {}
    for when in ("after one backward", "after two"):
        tape.backward()
        shown |= {f"{name}.grad {when}": _number(x) for name, x in inputs.items()}
    return shown


def differences(mistake: Mistake, on: bool) -> dict[str, float]:
    """The gradient of each input by central differences."""
    settings = STEPS[mistake.name][on]
    at = list(mistake.at.values())
    text = f"{settings['dtype'].__name__}, step {settings['eps']:g}"
    return {f"{name}, {text}": central_difference(mistake.example, at, i, **settings) for i, name in enumerate(mistake.at)}
