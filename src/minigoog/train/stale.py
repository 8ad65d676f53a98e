"""Gradients that arrive late, as in asynchronous training, in one process and deterministically: --staleness."""

import numpy as np

from ..array_types import Array
from ..nn import Parameter


class Stale:
    """Each gradient is kept for `steps` steps, and the one that was kept longest takes its place.

    Gradient number t is then of weights that are min(t, steps) updates older than those that it changes. The first `steps` steps update
    nothing, and the last `steps` gradients of a run are never used. kept: the gradients of a step, one behind the other, and
    has [steps, parameters]: which of them there are; part of every checkpoint."""

    def __init__(self, parameters: list[Parameter], steps: int) -> None:
        self.parameters, self.steps = parameters, steps
        self.kept = [np.zeros(sum(p.size for p in parameters), np.float32) for _ in range(steps)]
        self.has = np.zeros((steps, len(parameters)), np.float32)

    def exchange(self, step: int) -> bool:
        """Gives the parameters the oldest gradients and keeps theirs; step: how many were taken before. False if none is old enough."""
        if not self.steps:
            return True
        slot = step % self.steps
        for i, (p, kept) in enumerate(zip(self.parameters, self._gradients(slot), strict=True)):
            old, has = kept.copy(), bool(self.has[slot, i])
            self.has[slot, i] = p.grad is not None
            kept[...] = 0 if p.grad is None else p.grad
            p.grad = old if has else None
        return step >= self.steps

    def _gradients(self, slot: int) -> list[Array]:
        """Those of a step, in the shapes of the parameters; not copies."""
        ends = np.cumsum([p.size for p in self.parameters])[:-1]
        return [part.reshape(p.shape) for p, part in zip(self.parameters, np.split(self.kept[slot], ends), strict=True)]

    def arrays(self) -> dict[str, Array]:
        """What a checkpoint keeps, by name; not copies. Few arrays: each takes a hundred bytes of the file's header."""
        return {str(slot): kept for slot, kept in enumerate(self.kept)} | ({"has": self.has} if self.steps else {})

    def earlier_arrays(self) -> dict[str, Array]:
        """The same as checkpoints of earlier versions name it: an array for each gradient."""
        each = {f"{slot}/{i}": array for slot in range(self.steps) for i, array in enumerate(self._gradients(slot))}
        return each | {f"{slot}/has": has for slot, has in enumerate(self.has)}
