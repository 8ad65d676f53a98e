"""A look-out for what is known to go wrong with a deep network without normalisation, and its known cures."""

import math

import numpy as np

from .. import nn, optim

STEPS = 300  # before anybody says that something does not move
STILL = 0.01  # a loss so near to that of guessing, relative, is guessing; one that changes by less does not move
VANISHED = 1e-4  # a first module's gradient so small beside the last one's teaches it nothing
PAPER = ("inception3a", "inception4a", "inception4d", "inception5b")
CURES = "try a smaller --lr (0.005 is reported to help), a --warmup, or working auxiliary heads (--aux-weight 0.3)"


def watched(model):
    """(name, parameters) of the modules whose gradients are watched: 3a, 4a, 4d, 5b of GoogLeNet; all Inception modules of others."""
    modules = {name: m for name, m in model.named_children() if isinstance(m, nn.Inception)} or dict(model.named_children())
    names = PAPER if all(name in modules for name in PAPER) else modules
    return {name: modules[name].parameters() for name in names if modules[name].parameters()}


class Diagnostics:
    """Sees the losses and the gradients of a run's steps; `look` returns what there is to say, each thing once.

    labels: of the training images. A network that only knows how frequent each of `classes` is has a loss of their entropy."""

    def __init__(self, model, labels, classes):
        self.parameters = watched(model)
        shares = np.bincount(labels, minlength=classes) / len(labels)
        self.guesses = {"ln(classes)": math.log(classes), "the entropy of the classes": float(-sum(p * math.log(p) for p in shares if p))}
        self.said = set()
        self.history = {}  # head -> [(step, loss)] of the last looks

    def norms(self):
        """The length of the gradient in each watched module."""
        return {name: optim.gradient_norm(parameters) for name, parameters in self.parameters.items()}

    def log(self, step, losses, norms):
        """What to warn of at this step of the run. losses: mean of each head since the last look, the classifier's first."""
        warnings = []
        for head, loss in enumerate(losses):
            warnings += [(f"loss {head}", text) for text in self._stuck(head, step, loss)]
        if step >= STEPS and len(norms) > 1:
            (first, a), *_, (last, b) = norms.items()
            if a <= VANISHED * b:
                warnings.append(("gradient", f"the gradient at {first} is {a:.1e}, at {last} {b:.1e}: it vanishes on its way. {CURES}"))
        new = [text for key, text in warnings if key not in self.said]
        self.said |= {key for key, _ in warnings}
        return new

    def _stuck(self, head, step, loss):
        """A list of what to say of a head whose loss has been that of guessing, or one far from 0, for STEPS steps: one text or none."""
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
                return [f"{who} is {loss:.3f} and has been {name} = {guess:.3f} for {steps} steps: it is guessing. {CURES}"]
        if max(losses) - min(losses) < STILL * loss and loss > min(self.guesses.values()) / 2:
            return [f"{who} is {loss:.3f} and has not moved for {steps} steps. {CURES}"]
        return []
