"""A look-out for what is known to go wrong with a deep network without normalisation, and its known cures."""

import math

from .. import nn, optim

STEPS = 300  # before anybody says that something does not move
STILL = 0.01  # a loss so near to ln(classes), relative, is that of guessing
VANISHED = 1e-4  # a first module's gradient so small beside the last one's teaches it nothing
PAPER = ("inception3a", "inception4a", "inception4d", "inception5b")
CURES = "try a smaller --lr (0.005 is reported to help), a --warmup, or working auxiliary heads (--aux-weight 0.3)"


def watched(model):
    """(name, parameters) of the modules whose gradients are watched: 3a, 4a, 4d, 5b of GoogLeNet; all Inception modules of others."""
    modules = {name: m for name, m in model.children() if isinstance(m, nn.Inception)} or dict(model.children())
    names = PAPER if all(name in modules for name in PAPER) else modules
    return {name: modules[name].parameters() for name in names if modules[name].parameters()}


class Watch:
    """Sees the losses and the gradients of a run's steps; `look` returns what there is to say, each thing once."""

    def __init__(self, model, classes):
        self.parameters = watched(model)
        self.guessing = math.log(classes)
        self.said = set()
        self.still = {}  # head -> looks in a row at which its loss was that of guessing

    def norms(self):
        """The length of the gradient in each watched module."""
        return {name: optim.gradient_norm(parameters) for name, parameters in self.parameters.items()}

    def look(self, step, losses, norms):
        """What to warn of at this step of the run. losses: mean of each head since the last look, the classifier's first."""
        warnings = []
        for head, loss in enumerate(losses):
            still = abs(loss / self.guessing - 1) < STILL
            self.still[head] = self.still.get(head, step) if still else step + 1
            if still and step - self.still[head] >= STEPS:
                warnings.append((f"loss {head}", self._stuck(head, loss, step - self.still[head])))
        if step >= STEPS and len(norms) > 1:
            (first, a), *_, (last, b) = norms.items()
            if a < VANISHED * b:
                warnings.append(("gradient", f"the gradient at {first} is {a:.1e}, at {last} {b:.1e}: it vanishes on its way. {CURES}"))
        new = [text for key, text in warnings if key not in self.said]
        self.said |= {key for key, _ in warnings}
        return new

    def _stuck(self, head, loss, steps):
        who = "the loss" if head == 0 else f"the loss of auxiliary head {head}"
        return f"{who} is {loss:.3f} and has been ln(classes) = {self.guessing:.3f} for {steps} steps: it is guessing. {CURES}"
