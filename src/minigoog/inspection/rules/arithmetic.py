"""Sums and products of whole tensors."""

from typing import Any

import numpy as np

from ...array_types import Array, Shape
from ...ops.arithmetic import Add, Multiply, Scale, Sum
from .breakdown import Breakdown, add_up, copied
from .rule import Context, Pointwise, rule_for


@rule_for(Add)
class AddRule(Pointwise):
    """One number plus another."""

    function = javascript = kernel = "add"
    inputs = ("a", "b")

    def output(self, op: Any, index: Shape) -> Breakdown:
        return add_up("a + b", {"a and b": np.array([x.data[index] for x in op.inputs])})

    def gradient(self, op: Any, dy: Array, k: int, index: Shape) -> Breakdown:
        return copied(f"dy{list(index)}", dy[index])

    def words(self, op: Any, context: Context) -> str:
        return "The sum of two maps, element by element."


@rule_for(Scale)
class ScaleRule(Pointwise):
    """A number times a constant."""

    function = javascript = "scale"

    def output(self, op: Any, index: Shape) -> Breakdown:
        return add_up("factor * x", {"factor": np.asarray(op.factor), "x": op.inputs[0].data[index]})

    def gradient(self, op: Any, dy: Array, k: int, index: Shape) -> Breakdown:
        return add_up("factor * dy", {"factor": np.asarray(op.factor), "dy": dy[index]})

    def settings(self, op: Any) -> dict[str, Any]:
        return {"factor": op.factor}

    def words(self, op: Any, context: Context) -> str:
        return "Each value times the same factor."


@rule_for(Multiply)
class MultiplyRule(Pointwise):
    """One number times another."""

    function = "multiply"
    inputs = ("a", "b")

    def output(self, op: Any, index: Shape) -> Breakdown:
        return add_up("a * b", {"a": op.inputs[0].data[index], "b": op.inputs[1].data[index]})

    def gradient(self, op: Any, dy: Array, k: int, index: Shape) -> Breakdown:
        return add_up("dy * the other", {"dy": dy[index], "the other": op.inputs[1 - k].data[index]})

    def words(self, op: Any, context: Context) -> str:
        return "The product of two maps, element by element."


@rule_for(Sum)
class SumRule(Pointwise):
    """The sum of all numbers."""

    function = "sum"

    def output(self, op: Any, index: Shape) -> Breakdown:
        return add_up("sum(x)", {"x": op.inputs[0].data})

    def gradient(self, op: Any, dy: Array, k: int, index: Shape) -> Breakdown:
        return copied("dy", dy)

    def words(self, op: Any, context: Context) -> str:
        return "The sum of all values."
