"""`diff`: the differences between two networks, and what each costs."""

from typing import NamedTuple

from ...array_types import Shape
from ...nn.module import Module
from ...text import aligned, shape_text
from .layers import Layer, layers


class Difference(NamedTuple):
    """A layer that differs: its description in each network ("" where it is absent), and how much more b has than a."""

    name: str
    a: str
    b: str
    parameters: int
    multiply_adds: int


class Diff:
    """The differences between two models, in `rows`; printing it shows them with their totals."""

    def __init__(self, a: Module, b: Module, rows: list[Difference], totals: list[tuple[int, int]]) -> None:
        self.a, self.b, self.rows, self.totals = a, b, rows, totals

    def __str__(self) -> str:
        if not self.rows:
            return "no difference"
        lines = [("layer", "a", "b", "parameters", "multiply-adds")]
        lines += [(row.name, row.a or "-", row.b or "-", f"{row.parameters:+,}", f"{row.multiply_adds:+,}") for row in self.rows]
        for label, (parameters, multiply_adds) in zip("ab", self.totals, strict=True):
            lines.append((f"total of {label}", "", "", f"{parameters:,}", f"{multiply_adds:,}"))
        return aligned(lines, right=(3, 4))

    __repr__ = __str__


def diff(a: Module, b: Module, input_shape: Shape = (224, 224, 3)) -> Diff:
    """Each layer in which models `a` and `b` differ on inputs of `input_shape`, with its cost (b minus a) in parameters and multiply-adds.

    A layer differs if it is in one model only, or in kind, settings or output shape. Both run in their current mode: in training
    mode auxiliary heads count."""
    of_a, of_b = ({layer.name: layer for layer in layers(model, input_shape, "diff", name)} for name, model in (("a", a), ("b", b)))
    rows = []
    for name in [*of_a, *(name for name in of_b if name not in of_a)]:
        x, y = of_a.get(name), of_b.get(name)
        if _description(x) != _description(y):
            costs = [_cost(y, field) - _cost(x, field) for field in ("parameters", "multiply_adds")]
            rows.append(Difference(name, _description(x), _description(y), *costs))
    return Diff(a, b, rows, [_total(of_a), _total(of_b)])


def _total(layers_by_name: dict[str, Layer]) -> tuple[int, int]:
    parameters, multiply_adds = (sum(_cost(layer, f) for layer in layers_by_name.values()) for f in ("parameters", "multiply_adds"))
    return parameters, multiply_adds


def _description(layer: Layer | None) -> str:
    return f"{layer.kind}({layer.settings}) to {shape_text(layer.out_shape[1:])}" if layer else ""


def _cost(layer: Layer | None, field: str) -> int:
    return int(getattr(layer, field)) if layer else 0
