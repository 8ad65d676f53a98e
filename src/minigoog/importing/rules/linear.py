"""Fully connected layers: Gemm, and MatMul with the Add after it."""

import numpy as np

from ...formats.graph import Node
from ...nn import Linear
from ..attributes import integer, number
from ..folding import Constant
from ..pending import Vector
from ..resolver import Resolver, rule
from ..values import Value
from ..weights import stored
from .convolution import shifted


@rule("Gemm")
def gemm(r: Resolver, node: Node) -> Value:
    """alpha x w + beta c."""
    x, w, c = r.value(node), r.constant(node, 1), r.optional(node, 2)
    if integer(node, "transA", 0):
        if len(x.shape) != 2:
            raise ValueError(f"a value with {len(x.shape)} axes {x.shape}, expected 2")
        x = x.transposed((1, 0))
    if w.ndim != 2:
        raise ValueError(f"weights with {w.ndim} axes {w.shape}, expected 2")
    value = _linear(r, node, x, w.T if integer(node, "transB", 0) else w, number(node, "alpha", 1.0))
    return value if c is None else _with_bias(r, value, number(node, "beta", 1.0) * c.astype(np.float64))


@rule("MatMul")
def matmul(r: Resolver, node: Node) -> Value:
    """The product with constant weights [in, out]."""
    x, w = r.value(node), r.constant(node, 1)
    if w.ndim != 2:
        raise ValueError(f"weights with {w.ndim} axes {w.shape}, expected 2")
    return _linear(r, node, x, w, 1.0)


def _linear(r: Resolver, node: Node, x: Value, w: Constant, alpha: float) -> Value:
    """x w. The rows of w follow the order in which the values of x lie in memory, so that a flattened map need not be moved."""
    *rows, features = range(len(x.shape))
    if not rows or x.shape[features] != w.shape[0]:
        raise ValueError(f"weights [in, out] {w.shape} on a value of shape {x.shape}")
    lying, order = _as_it_lies(x, features)

    def finish(scale: Vector, shift: Vector | None) -> int:
        module = r.parts.module(node, node.inputs[1], lambda: _module(_rows(w, x, order), alpha * scale, shift))
        return r.step(module, [r.arranged(lying, [tuple(rows), (features,)])], (int(np.prod(x.shape[:-1])), w.shape[1]))

    return r.layer((*x.shape[:-1], w.shape[1]), [tuple(rows), (features,)], finish, w.shape[1])


def _as_it_lies(x: Value, axis: int) -> tuple[Value, list[int]]:
    """(the value with the atoms of an axis in the order of memory, that order)."""
    own = x.axes[axis]
    order = sorted(range(len(own)), key=lambda i: own[i])
    lying = Value(x.slot, x.stored, x.sizes, (*x.axes[:axis], tuple(own[i] for i in order), *x.axes[axis + 1 :]))
    return lying, order


def _rows(w: Constant, x: Value, order: list[int]) -> Constant:
    """The weights, their rows in the order in which the features of x lie in memory."""
    if order == sorted(order):
        return w
    lengths = [x.sizes[atom] for atom in x.axes[-1]]
    return w.reshape(*lengths, w.shape[1]).transpose(*order, len(order))  # not yet of two axes: that would be a copy


def _module(w: Constant, scale: Vector, shift: Vector | None) -> Linear:
    module = Linear(int(np.prod(w.shape[:-1])), w.shape[-1], bias=shift is not None, init=np.empty)
    module.weight = stored(w, scale, (module.in_features, module.out_features))
    if module.bias is not None:
        module.bias.data[...] = shift
    return module


def _with_bias(r: Resolver, value: Value, bias: Vector) -> Value:
    """The layer plus a constant that is broadcast to its rows."""
    features = value.shape[-1]
    if bias.size != 1 and (bias.shape[-1] != features or bias.size != features):
        raise ValueError(f"a summand of shape {bias.shape}, expected one for each of {features} features")
    return shifted(value, np.broadcast_to(bias.ravel(), features))


