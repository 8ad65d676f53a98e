"""Diagnostics: known problems in training a deep network without normalisation, and known remedies."""

import math
from collections.abc import Sequence

import numpy as np

from .. import nn, optim
from ..array_types import IntArray

STEPS = 300  # without a change before a warning
STILL = 0.01  # relative: a loss this close to that of guessing counts as guessing; a smaller change counts as none
VANISHED = 1e-4  # relative to the last module's gradient: with a smaller gradient, the first module does not learn
PAPER = ("inception3a", "inception4a", "inception4d", "inception5b")
CURES = "try a smaller --lr (0.005 is reported to help) or a --warmup"
HEADS = ", or working auxiliary heads (--aux-weight 0.3)"  # if there are any


def watched(model: nn.Module) -> dict[str, list[nn.Parameter]]:
    """The parameters of the modules whose gradients are measured: 3a, 4a, 4d, 5b of GoogLeNet; all Inception modules of others.

    Frozen ones have no gradient and are left out."""
    children = dict(model.named_children())
    modules = {name: child for name, child in children.items() if isinstance(child, nn.Inception)} or children
    names = PAPER if all(name in modules for name in PAPER) else modules
    learning = {name: [p for p in modules[name].parameters() if p.requires_grad] for name in names}
    return {name: parameters for name, parameters in learning.items() if parameters}


class Diagnostics:
    """Watches the losses and gradients of a run; `log` returns warnings, each only once.

    labels: of the training images. A network that only knows how frequent each of `classes` is has their entropy as its loss. With
    `label_smoothing` even the best network has a loss: the entropy of the smoothed labels."""

    def __init__(self, model: nn.Module, labels: IntArray, classes: int, label_smoothing: float = 0.0) -> None:
        self.parameters = watched(model)
        spread = label_smoothing / classes
        shares = (1 - label_smoothing) * np.bincount(labels, minlength=classes) / len(labels) + spread
        self.guesses = {"ln(classes)": math.log(classes), "the entropy of the classes": float(-sum(p * math.log(p) for p in shares if p))}
        smoothed = [1 - label_smoothing + spread, *[spread] * (classes - 1)]
        self.least = -sum(p * math.log(p) for p in smoothed if p)  # the loss of the best network, of images that are not mixed
        self.said: set[str] = set()
        self.history: dict[int, list[tuple[int, float]]] = {}  # head -> [(step, loss)] of the last calls of `log`

    def norms(self) -> dict[str, float]:
        """The norm of the gradient in each watched module."""
        return {name: optim.gradient_norm(parameters) for name, parameters in self.parameters.items()}

    def log(self, step: int, losses: Sequence[float], norms: dict[str, float]) -> list[str]:
        """Warnings at this step of the run. losses: mean of each head since the last call, the classifier's first."""
        warnings, cures = [], CURES + HEADS * (len(losses) > 1)
        for head, loss in enumerate(losses):
            warnings += [(f"loss {head}", f"{text}. {cures}") for text in self._stuck(head, step, loss)]
        if step >= STEPS and len(norms) > 1:
            (first, a), *_, (last, b) = norms.items()
            if a <= VANISHED * b:
                warnings.append(("gradient", f"the gradient at {first} is {a:.1e}, at {last} {b:.1e}: it vanishes in between. {cures}"))
        new = [text for key, text in warnings if key not in self.said]
        self.said |= {key for key, _ in warnings}
        return new

    def _stuck(self, head: int, step: int, loss: float) -> list[str]:
        """A warning, or none, about a head whose loss was that of guessing, or did not change, for STEPS steps."""
        recent = self.history.setdefault(head, [])
        recent.append((step, loss))
        while len(recent) > 1 and recent[1][0] <= step - STEPS:
            recent.pop(0)
        steps, losses = step - recent[0][0], [value for _, value in recent]
        if steps < STEPS:
            return []
        who = "the loss" if head == 0 else f"the loss of auxiliary head {head}"
        for name, guess in self.guesses.items():
            if all(abs(value - guess) < STILL * guess for value in losses):
                return [f"{who} is {loss:.3f} and has been near {name} = {guess:.3f} for {steps} steps: the network is guessing"]
        above = loss - self.least
        if max(losses) - min(losses) < STILL * above and above > (min(self.guesses.values()) - self.least) / 2:
            return [f"{who} is {loss:.3f} and has not changed for {steps} steps"]
        return []
