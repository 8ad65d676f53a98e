"""`summary`: the layers of a network as a table; for GoogLeNet, with a comparison to the paper's table 1."""

import math

from ...array_types import Shape
from ...models import GoogLeNet
from ...nn.module import Module
from ...text import aligned, human_bytes, shape_text
from .layers import Layer, layers
from .table_1 import paper_table

BYTES = 4  # of a float32


class Summary:
    """The layers of one run, in `rows`; printing it shows the table."""

    def __init__(self, model: Module, rows: list[Layer], by_the_paper: str) -> None:
        self.model, self.rows, self.by_the_paper = model, rows, by_the_paper

    @property
    def parameters(self) -> int:
        """Parameters of the layers that ran, including biases; a layer that ran twice counts once."""
        return sum({row.name: row.parameters for row in self.rows}.values())

    @property
    def multiply_adds(self) -> int:
        """Multiply-adds of convolutions and linear layers; additions of biases do not count."""
        return sum(row.multiply_adds for row in self.rows)

    @property
    def activation_bytes(self) -> int:
        """Memory of all outputs together."""
        return sum(BYTES * math.prod(row.out_shape) for row in self.rows)

    def _cells(self) -> list[tuple[str, ...]]:
        """The table: a heading, a line for each layer, and the total."""
        lines: list[tuple[str, ...]] = [("layer", "kind", "output", "parameters", "multiply-adds", "memory")]
        for row in self.rows:
            memory = human_bytes(BYTES * math.prod(row.out_shape))
            lines.append((row.name, row.kind, shape_text(row.out_shape[1:]), f"{row.parameters:,}", f"{row.multiply_adds:,}", memory))
        lines.append(("total", "", "", f"{self.parameters:,}", f"{self.multiply_adds:,}", human_bytes(self.activation_bytes)))
        return lines

    def _title(self) -> str:
        return f"{type(self.model).__name__}, input {shape_text(self.rows[0].in_shape)}"

    def __str__(self) -> str:
        text = f"{self._title()}\n\n{aligned(self._cells(), right=(3, 4, 5))}"
        return f"{text}\n\n{self.by_the_paper}" if self.by_the_paper else text

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """For notebooks: the same tables."""
        from ...html import block, preformatted, table

        head, *rows = self._cells()
        paper = [preformatted(self.by_the_paper)] if self.by_the_paper else []
        return block(self._title(), table(head, rows, right=(3, 4, 5)), *paper)


        head, *rows = self._cells()
        paper = [preformatted(self.by_the_paper)] if self.by_the_paper else []
        return block(self._title(), table(head, rows, right=(3, 4, 5)), *paper)


def summary(model: Module, input_shape: Shape) -> Summary:
    """A table of the layers of `model`, in the order in which they run on an input of `input_shape`, (h, w, c) or (n, h, w, c).

    Columns: output shape, parameters, multiply-adds and memory of the output. Auxiliary heads appear in training mode only. For
    GoogLeNet a second table compares the paper's columns with computed ones and marks rows where the paper's do not add up."""
    rows = layers(model, input_shape)
    return Summary(model, rows, paper_table(rows) if isinstance(model, GoogLeNet) else "")
