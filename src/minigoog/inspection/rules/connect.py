"""A convolution's weights from a table of connections."""

from typing import Any

import numpy as np

from ...array_types import Array, Shape
from ...ops.connect import Connect
from .breakdown import Breakdown, copied
from .rule import Context, Pointwise, rule_for


@rule_for(Connect)
class ConnectRule(Pointwise):
    """A number of the kernel of this connection, or 0."""

    function = "connect"

    def output(self, op: Any, index: Shape) -> Breakdown:
        ky, kx, i, o = index
        (found,) = np.nonzero((op.inputs_of == i) & (op.outputs_of == o))
        if not len(found):
            return Breakdown(f"0: output channel {o} is not connected to channel {i}", {}, 0.0)
        return copied(f"kernels{[ky, kx, int(found[-1])]}", op.inputs[0].data[ky, kx, found[-1]])

    def gradient(self, op: Any, dy: Array, k: int, index: Shape) -> Breakdown:
        ky, kx, i = index
        source = (ky, kx, int(op.inputs_of[i]), int(op.outputs_of[i]))
        return copied(f"dy{list(source)}", dy[source])

    def words(self, op: Any, context: Context) -> str:
        return "Weights with a kernel for each connection, and 0 elsewhere."
