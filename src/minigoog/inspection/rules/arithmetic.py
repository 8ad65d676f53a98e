"""Sums, products and powers, element by element, and the sum and the mean of all values."""

from typing import Any

import numpy as np

from ...array_types import Array, Shape
from ...ops.arithmetic import Add, AddScalar, Mean, Multiply, Power, Scale, Sum
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


@rule_for(AddScalar)
class AddScalarRule(Pointwise):
    """A number plus a constant."""

    function = javascript = "add_scalar"

    def output(self, op: Any, index: Shape) -> Breakdown:
        return add_up("x + number", {"x": op.inputs[0].data[index]}, bias=op.number)

    def gradient(self, op: Any, dy: Array, k: int, index: Shape) -> Breakdown:
        return copied(f"dy{list(index)}", dy[index])

    def settings(self, op: Any) -> dict[str, Any]:
        return {"number": op.number}

    def words(self, op: Any, context: Context) -> str:
        return f"Each value plus {op.number:g}."


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


@rule_for(Power)
class PowerRule(Pointwise):
    """A number to a constant power."""

    function = javascript = "power"

    def output(self, op: Any, index: Shape) -> Breakdown:
        x = float(op.inputs[0].data[index])
        return Breakdown("x ** exponent", {"x": np.asarray(x)}, x**op.exponent, {"exponent": op.exponent})

    def gradient(self, op: Any, dy: Array, k: int, index: Shape) -> Breakdown:
        x = float(op.inputs[0].data[index])
        slope = op.exponent * x ** (op.exponent - 1) if op.exponent else 0.0
        return add_up("dy * exponent * x ** (exponent - 1)", {"dy": dy[index], "slope at x": np.asarray(slope)})

    def settings(self, op: Any) -> dict[str, Any]:
        return {"exponent": op.exponent}

    def words(self, op: Any, context: Context) -> str:
        return f"Each value to the power {op.exponent:g}."


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


@rule_for(Mean)
class MeanRule(Pointwise):
    """The mean of all numbers."""

    function = "mean"

    def output(self, op: Any, index: Shape) -> Breakdown:
        x = op.inputs[0].data
        return add_up("sum(x * 1 / values)", {"x": x, "1 / values": np.full(x.shape, 1 / x.size)})

    def gradient(self, op: Any, dy: Array, k: int, index: Shape) -> Breakdown:
        return add_up("dy * 1 / values", {"dy": dy, "1 / values": np.asarray(1 / op.inputs[0].size)})

    def words(self, op: Any, context: Context) -> str:
        return "The mean of all values."
