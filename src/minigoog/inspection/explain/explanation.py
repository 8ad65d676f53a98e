"""How one number inside the network was computed: what was multiplied and added up, next to the number that is stored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ...array_types import Array, Shape
from ...checks import check_int
from ..rules import Breakdown, input_names, rule_of

if TYPE_CHECKING:
    from ..trace.step import Step

STRONGEST = 6  # products that are printed
LARGEST_GRID = 11  # rows and columns: larger windows are not printed as grids


@dataclass
class Explanation(Breakdown):
    """A Breakdown of a number of a Step: `value`, the sum of the parts in float64, and `stored`, what the network computed.

    `number` says which number it is."""

    number: str = ""
    stored: float = float("nan")

    @property
    def magnitude(self) -> float:
        """The same sum over absolute values: float32 rounding errors are relative to it."""
        return float(np.abs(self.products).sum()) + abs(self.parts.get("bias", 0.0))

    def __str__(self) -> str:
        return self.text()

    def text(self, width: int | None = None) -> str:
        """The computation in lines; grids that are wider than `width` side by side stand below each other."""
        numbers = {name: np.asarray(a).item() for name, a in self.factors.items() if np.size(a) == 1 and name not in self.parts}
        numbers |= self.parts | {"value": self.value, "stored": self.stored}
        longest = max(map(len, numbers))
        lines = [f"{self.number} = {self.formula}", *self._grids(width), *self._strongest()]
        lines += [f"  {name:<{longest}}  {number:.9g}" for name, number in numbers.items()]
        return "\n".join(lines) + f"  (differs by {abs(self.value - self.stored):.1g})"

    def _window(self) -> tuple[int, int, int] | None:
        """(height, width, channels) of the products if they are a window that can be printed; else None."""
        shape = np.shape(self.products)
        is_window = len(shape) == 2 or (len(shape) == 3 and "filter" in self.factors)
        if not is_window or min(shape[:2]) == 0 or not 1 < max(shape[:2]) <= LARGEST_GRID:
            return None
        return shape[0], shape[1], shape[2] if len(shape) == 3 else 1

    def _grids(self, width: int | None) -> list[str]:
        """A window's factors and products side by side; for many channels only the products, added up over the channels."""
        window = self._window()
        if window is None:
            return []
        if window[2] > 1:
            return _side_by_side({f"products, added up over {window[2]} channels": self.products.sum(axis=2)}, width)
        shown = self.factors | ({"products": self.products} if len(self.factors) > 1 else {})
        return _side_by_side({name: np.reshape(a, window[:2]) for name, a in shown.items()}, width)

    def _strongest(self) -> list[str]:
        """The largest products and their positions, unless all products are already printed."""
        products, window = self.products, self._window()
        if np.size(products) < 2 or len(self.factors) < 2 or (window and window[2] == 1):
            return []
        order = np.argsort(-np.abs(products), axis=None, kind="stable")[:STRONGEST]
        lines = [f"  {len(order)} strongest of {products.size:,} products ({' * '.join(self.factors)}):"]
        for where in zip(*np.unravel_index(order, products.shape), strict=True):
            numbers = " * ".join(f"{a[where]:9.4g}" for a in self.factors.values())
            lines.append(f"    {str([int(i) for i in where]):<14} {numbers} = {products[where]:.4g}")
        return lines


def _side_by_side(grids: dict[str, Array], width: int | None) -> list[str]:
    """Matrices by name as lines of text, below each other where they are wider than `width`."""
    blocks = []
    for name, grid in grids.items():
        rows = [" ".join(f"{value:9.4g}" for value in row) for row in grid]
        blocks.append([f"{line:<{max(len(name), *map(len, rows))}}" for line in (name, *rows)])
    if width is not None and sum(len(block[0]) + 3 for block in blocks) > width:
        return [f"  {line.rstrip()}" for block in blocks for line in block]
    return ["  " + "   ".join(lines).rstrip() for lines in zip(*blocks, strict=True)]


def explain(step: Step, index: Shape, image: int) -> Explanation:
    """The Explanation of one number of a step's output."""
    index = _index("explain", index, step.output_shape, image)
    breakdown = rule_of(step.op).output(step.op, index)
    return _explained(breakdown, f"{step.name}: output{list(index)}", step.output[index])


def explain_gradient_of(step: Step, of: str | int, index: Shape, image: int) -> Explanation:
    """The Explanation of one number of the gradient of a step's input `of`, a name or a number."""
    if step.dxs is None or step.dy is None:
        raise RuntimeError(f"explain_gradient: {step.name} has no gradients: give trace() a label")
    names = input_names(step.op)
    k = names.index(of) if isinstance(of, str) and of in names else of
    if isinstance(k, str) or not 0 <= k < len(names):
        raise ValueError(f"explain_gradient: `of` is {of!r}, expected one of {', '.join(names)}")
    dx = step.dxs[k]
    if dx is None:
        raise ValueError(f"explain_gradient: the gradient of the {names[k]} of {step.name} was not requested")
    index = _index("explain_gradient", index, step.input_shapes[k], image if k == 0 else None)
    breakdown = rule_of(step.op).gradient(step.op, step.dy, k, index)
    return _explained(breakdown, f"{step.name}: gradient of {names[k]}{list(index)}", dx[index])


def _explained(breakdown: Breakdown, number: str, stored: float) -> Explanation:
    return Explanation(**vars(breakdown), number=number, stored=float(stored))


def _index(where: str, index: Shape, shape: Shape, image: int | None) -> Shape:
    """`index` as integers within `shape`; the first axis, the image, may be left out if `image` gives it."""
    if len(index) == len(shape) - 1 and image is not None:
        index = (image, *index)
    if len(index) != len(shape):
        raise IndexError(f"{where}: `index` is {index}, expected {len(shape)} numbers for an array of shape {shape}")
    return tuple(check_int(where, f"index[{axis}]", i, 0, n - 1) for axis, (i, n) in enumerate(zip(index, shape, strict=True)))
