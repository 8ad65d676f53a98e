"""The running average of weights."""

from collections.abc import Mapping

from .. import kernels, writes
from ..array_types import Array
from ..checks import check_array, check_real


class PolyakAverage:
    """A running average of arrays, used as the weights for inference. (Polyak, Juditsky 1992; paper, section 6)

    After each step: average = d * average + (1 - d) * array, d = min(decay, (1 + t) / (10 + t)) at step t, so that the first,
    untrained weights soon lose their influence. `arrays`: name -> array, as from `Module.state_dict`; `averages` has the same names."""

    def __init__(self, arrays: Mapping[str, Array], decay: float) -> None:
        if not isinstance(arrays, Mapping):
            raise TypeError(f"PolyakAverage: `arrays` is {type(arrays).__name__}, expected a dict of arrays: model.state_dict()")
        for name, array in arrays.items():
            check_array("PolyakAverage", f"arrays[{name!r}]", array)
        self.arrays = arrays
        self.decay = check_real("PolyakAverage", "decay", decay, 0, 1)
        self.averages = {name: array.copy() for name, array in arrays.items()}
        self.steps = 0

    def step(self) -> None:
        """Updates the averages with the current values of the arrays."""
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        self.steps += 1
        for name, average in self.averages.items():
            kernels.average_step(average, self.arrays[name], decay=decay)
            writes.note(average, "PolyakAverage.step")
