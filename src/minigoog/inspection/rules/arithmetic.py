"""Sums, products and powers, element by element, and the sum and the mean of all values."""

from typing import Any

import numpy as np

from ...array_types import Array, Shape
from ...ops.arithmetic import Add, AddScalar, Mean, Multiply, Power, Scale, Sum
from .breakdown import Breakdown, add_up, copied
from .rule import ONE_PIXEL, Context, Pointwise, Window, rule_for


class OfTwo(Pointwise):
    """The rule of an operation on two maps, of which one may be broadcast: its numbers are repeated along axes of length 1."""

    inputs = ("a", "b")

    def operands(self, op: Any, index: Shape) -> list[Any]:
        """The number of each input that the number at `index` of the output comes from."""
        return [np.broadcast_to(x.data, op.y.shape)[index] for x in op.inputs]

    def everywhere(self, op: Any, k: int, index: Shape) -> tuple[Any, ...]:
        """Where in the output the number at `index` of input `k` is, as an index: more than one place if it is repeated."""
        shape, missing = op.inputs[k].shape, op.y.ndim - len(index)
        repeated = (n == 1 != m for n, m in zip(shape, op.y.shape[missing:], strict=True))
        return (*[slice(None)] * missing, *(slice(None) if r else i for r, i in zip(repeated, index, strict=True)))

    def window(self, op: Any) -> Window | None:
        spread = any(x.op is not None and x.shape[1:3] != op.y.shape[1:3] for x in op.inputs)  # one number for many pixels
        return None if spread else ONE_PIXEL


@rule_for(Add)
class AddRule(OfTwo):
    """One number plus another."""

    function = javascript = kernel = "add"
    runs = True

    def output(self, op: Any, index: Shape) -> Breakdown:
        return add_up("a + b", {"a and b": np.array(self.operands(op, index))})

    def gradient(self, op: Any, dy: Array, k: int, index: Shape) -> Breakdown:
        if op.inputs[k].shape == op.y.shape:
            return copied(f"dy{list(index)}", dy[index])
        return add_up("sum(dy)", {"dy": dy[self.everywhere(op, k, index)]})

    def words(self, op: Any, context: Context) -> str:
        return "The sum of two maps, element by element."


@rule_for(AddScalar)
class AddScalarRule(Pointwise):
    """A number plus a constant."""

    function = javascript = "add_scalar"
    runs = True

    def output(self, op: Any, index: Shape) -> Breakdown:
        return add_up("x + number", {"x": op.inputs[0].data[index]}, bias=op.number)

    def gradient(self, op: Any, dy: Array, k: int, index: Shape) -> Breakdown:
        return copied(f"dy{list(index)}", dy[index])

    def settings(self, op: Any) -> dict[str, Any]:
        return {"number": float(op.inputs[0].data.dtype.type(op.number))}

    def words(self, op: Any, context: Context) -> str:
        return f"Each value plus {op.number:g}."


@rule_for(Scale)
class ScaleRule(Pointwise):
    """A number times a constant."""

    function = javascript = "scale"
    runs = True

    def output(self, op: Any, index: Shape) -> Breakdown:
        return add_up("factor * x", {"factor": np.asarray(op.factor), "x": op.inputs[0].data[index]})

    def gradient(self, op: Any, dy: Array, k: int, index: Shape) -> Breakdown:
        return add_up("factor * dy", {"factor": np.asarray(op.factor), "dy": dy[index]})

    def settings(self, op: Any) -> dict[str, Any]:
        return {"factor": float(op.inputs[0].data.dtype.type(op.factor))}

    def words(self, op: Any, context: Context) -> str:
        return "Each value times the same factor."


@rule_for(Multiply)
class MultiplyRule(OfTwo):
    """One number times another."""

    function = javascript = "multiply"
    runs = True

    def output(self, op: Any, index: Shape) -> Breakdown:
        return add_up("a * b", dict(zip("ab", self.operands(op, index), strict=True)))

    def gradient(self, op: Any, dy: Array, k: int, index: Shape) -> Breakdown:
        at = self.everywhere(op, k, index)
        factors = {"dy": dy[at], "the other": np.broadcast_to(op.inputs[1 - k].data, op.y.shape)[at]}
        return add_up("dy * the other" if op.inputs[k].shape == op.y.shape else "sum(dy * the other)", factors)

    def words(self, op: Any, context: Context) -> str:
        return "The product of two maps, element by element."


@rule_for(Power)
class PowerRule(Pointwise):
    """A number to a constant power."""

    function = javascript = "power"
    runs = True

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
