"""Checks gradients against central differences, in float64 on the reference kernels, and reports where and why they differ."""

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from . import kernels
from .array_types import Array, BoolArray, Shape
from .checks import check_int, check_real
from .op import Op
from .tape import Tape
from .tensor import Tensor, no_grad, recording


class GradcheckError(AssertionError):
    """A gradient that differs from central differences; the message names the operation, the input and the index."""


def gradcheck(
    function: Callable[..., Tensor],
    inputs: Sequence[Tensor | Array],
    parameters: Sequence[Tensor] | None = None,
    *,
    eps: float = 1e-6,
    atol: float = 1e-6,
    rtol: float = 1e-5,
    samples: int | None = None,
    seed: int = 0,
) -> bool:
    """True if the gradients of `function(*inputs)`, a tensor, agree with (f(x + eps) - f(x - eps)) / 2 eps; raises GradcheckError if not.

    `inputs`: tensors or arrays; `parameters`: other tensors that `function` uses (default: those of a module, else none).
    All are converted to float64 for the check and restored afterwards; no other thread may use them meanwhile.
    `samples`: how many random values of each to check (default: all). Weights that are pruned have no gradient and are left out.
    `function` must be deterministic: a dropout mask must not change from call to call."""
    for name, value in (("eps", eps), ("atol", atol), ("rtol", rtol)):
        check_real("gradcheck", name, value, 1e-300 if name == "eps" else 0)
    check_int("gradcheck", "seed", seed, 0, 2**64 - 1)
    if samples is not None:
        check_int("gradcheck", "samples", samples, 1)
    if not callable(function):
        raise TypeError(f"gradcheck: `function` is {type(function).__name__}, expected a function of tensors")
    if not isinstance(inputs, (tuple, list)):
        raise TypeError(f"gradcheck: `inputs` is {type(inputs).__name__}, expected a list of tensors or arrays")
    if isinstance(op := function, Op):  # an object runs once: a copy for each call
        function = lambda *xs: copy.copy(op)(*xs)  # noqa: E731
    if parameters is None:  # a module: everything that it computes with has to be float64, or differences drown in rounding
        parameters = list(function.parameters()) if hasattr(function, "parameters") else []
    xs = [x if isinstance(x, Tensor) else Tensor(np.asarray(x, np.float64)) for x in inputs]
    labels = [f"input {i}" for i in range(len(xs))] + [f"parameter {i}" for i in range(len(parameters))]
    tensors = [*xs, *parameters]
    with kernels.use("reference"), recording(), _in_float64(tensors):
        generator = np.random.default_rng(seed)
        y = function(*xs)
        if not isinstance(y, Tensor):
            raise TypeError(f"gradcheck: `function` returned {type(y).__name__}, expected a Tensor")
        if not y.requires_grad:
            raise GradcheckError("gradcheck: the result does not depend on any input through a recorded operation")
        dy = generator.standard_normal(y.shape)
        y.backward(dy, retain_graph=True)
        for label, x in zip(labels, tensors, strict=True):
            analytic = np.zeros(x.shape) if x.grad is None else x.grad
            for index in _indices(x.shape, samples, generator, getattr(x, "mask", None)):
                with no_grad():
                    numeric = _central_difference(lambda: float((function(*xs).data * dy).sum()), x.data, index, eps)
                if not np.isclose(analytic[index], numeric, rtol, atol):
                    _blame(function, xs, y, x, f"{label} {list(index)}", index, analytic[index], numeric, eps, atol, rtol)
    return True


@contextmanager
def _in_float64(tensors: Sequence[Tensor]) -> Iterator[None]:
    """Within a with-block, tensors hold float64 copies of their data, require gradients and have none; afterwards they are restored."""
    before = [(x.data, x.grad, x.requires_grad) for x in tensors]
    for x in tensors:
        x.data, x.grad, x.requires_grad = x.data.astype(np.float64), None, True
    try:
        yield
    finally:
        for x, old in zip(tensors, before, strict=True):
            x.data, x.grad, x.requires_grad = old


def _indices(
    shape: Shape, samples: int | None, generator: "np.random.Generator", mask: BoolArray | None = None
) -> list[Shape]:  # fmt: skip
    """All indices of an array of this shape, or `samples` of them at random; only those where `mask` is True, if there is one."""
    everything = [index for index in np.ndindex(*shape) if mask is None or mask[index]]
    if samples is None or samples >= len(everything):
        return everything
    return [everything[i] for i in generator.choice(len(everything), samples, replace=False)]


def _central_difference(f: Callable[[], float], a: Array, index: Shape, eps: float) -> float:
    """(f(a + eps) - f(a - eps)) / 2 eps with respect to a[index]; `a` is changed and restored."""
    value = a[index]
    try:
        a[index] = value + eps
        above = f()
        a[index] = value - eps
        below = f()
    finally:
        a[index] = value
    return (above - below) / (2 * eps)


def _blame(
    function: Callable[..., Tensor],
    inputs: Sequence[Tensor],
    y: Tensor,
    x: Tensor,
    where: str,
    index: Shape,
    analytic: float,
    numeric: float,
    eps: float,
    atol: float,
    rtol: float,
) -> None:
    """Raises the most specific error: a kink, the operation whose own gradient is wrong, or only the index."""
    facts = f"at {where}: backward gives {analytic:.10g}, central differences give {numeric:.10g}"
    kink = _kink(function, inputs, x, index, eps)
    if kink:
        raise GradcheckError(f"gradcheck: {facts}. This is a kink, not an error: {kink}. Move the input away from it.")
    for i, op in enumerate(Tape(y)):
        wrong = _wrong_by_itself(op, eps, atol, rtol)
        if wrong:
            raise GradcheckError(f"gradcheck: {facts}. The cause is the operation {op.name} (number {i} on the tape): {wrong}")
    raise GradcheckError(
        f"gradcheck: {facts}. Each operation on the tape is correct by itself: either the function is not deterministic, "
        f"or it computes something outside of any operation"
    )


def _kink(function: Callable[..., Tensor], inputs: Sequence[Tensor], x: Tensor, index: Shape, eps: float) -> str | None:
    """Which operation (ReLU, max pooling) decides differently at x[index] + eps and - eps, as text; None if none does."""
    value = x.data[index]
    tapes = []
    for step in (eps, -eps):
        x.data[index] = value + step
        tapes.append(Tape(function(*inputs)))
    x.data[index] = value
    for i, (above, below) in enumerate(zip(*tapes, strict=True)):
        active, before = above.active_set(), below.active_set()
        if active is not None and before is not None:
            changed = np.argwhere(active != before)
            if len(changed):
                return f"{above.name} (number {i} on the tape) changes its decision at {changed[0].tolist()} within {eps:g} of this input"
    return None


def _wrong_by_itself(op: Op, eps: float, atol: float, rtol: float) -> str | None:
    """What is wrong with the gradient of one operation by itself, as text; None if nothing is."""
    generator = np.random.default_rng(0)
    alone = copy.copy(op)
    arrays = [x.data.copy() for x in op.inputs]
    dy = generator.standard_normal(np.shape(op.y))
    for i, dx in enumerate(op.backward(dy)):
        if dx is None:
            continue
        for index in _indices(arrays[i].shape, 50, generator):
            numeric = _central_difference(lambda: float((alone.forward(*arrays) * dy).sum()), arrays[i], index, eps)
            if not np.isclose(dx[index], numeric, rtol, atol):
                return f"its gradient with respect to its input {i} at {list(index)} is {dx[index]:.10g}, expected {numeric:.10g}"
    return None
