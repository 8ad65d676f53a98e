"""Gradients that arrive late, as in asynchronous training, in one process and deterministically: --staleness."""

import numpy as np

from ..array_types import Array
from ..nn import Parameter


class Stale:
    """Each gradient is kept for `steps` steps, and the one that was kept longest takes its place.

    Gradient number t is then of weights that are min(t, steps) updates older than those that it changes. The first `steps` steps update
    nothing, and the last `steps` gradients of a run are never used. kept: the gradients, the newest last; part of every checkpoint."""

    def __init__(self, parameters: list[Parameter], steps: int) -> None:
        self.parameters, self.steps = parameters, steps
        self.kept = [[np.zeros_like(p.data) for p in parameters] for _ in range(steps)]
        self.has = [np.zeros(len(parameters), np.float32) for _ in range(steps)]  # which of them are gradients

    def exchange(self, step: int) -> bool:
        """Gives the parameters the oldest gradients and keeps theirs; step: how many were taken before. False if none is old enough."""
        if not self.steps:
            return True
        slot = step % self.steps
        for i, (p, kept) in enumerate(zip(self.parameters, self.kept[slot], strict=True)):
            old, has = kept.copy(), bool(self.has[slot][i])
            self.has[slot][i] = p.grad is not None
            kept[...] = 0 if p.grad is None else p.grad
            p.grad = old if has else None
        return step >= self.steps

    def arrays(self) -> dict[str, Array]:
        """What a checkpoint keeps, by name; not copies."""
        each = {f"{s}/{i}": array for s, arrays in enumerate(self.kept) for i, array in enumerate(arrays)}
        return each | {f"{s}/has": array for s, array in enumerate(self.has)}
