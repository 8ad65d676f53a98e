"""What becomes of a convolution whose weights have zeros: whichever of dense (`direct`, `winograd`) and CSR is faster.

Fixed rules decide: a model of the costs, in multiply-adds of `direct`. With `compile(..., tune=True)` a trial does. The constants
are from benchmarks/sparsity.py on one core (docs/speed_log.md); a machine differs more in speed than in these ratios."""

from collections.abc import Callable, Sequence
from functools import partial
from math import ceil, prod
from typing import Any

import numpy as np

from .. import kernels
from ..array_types import Array
from ..kernels.shapes import conv_shape
from .layout import Map, new_map
from .lowering import Call, Choice, Lowering

DENSE_ENOUGH = 0.7  # no CSR from this density on
SOME_IMAGES = 8  # for which "batch_invariant" chooses
CSR_OPERATION = 1.55  # a multiply-add of CSR
SHARED_OPERATION = 1.2  # the same where output channels share their columns
CSR_FLOAT = 6  # one float of the map to or from lines of pixels
CSR_WEIGHT = 20  # fetching a weight and its offset once
CSR_VECTOR = 8  # pixels that are computed together, needed or not
DENSE_WEIGHT = 9  # fetching a weight once; `winograd` has more of them
WINOGRAD = {4: (0.4, 4.0), 2: (0.55, 1.8)}  # side -> (a multiply-add of the definition, fetched weights)
WINOGRAD_5X5 = (0.85, 1.44)
TRIALS = 7
HOPELESS = 2  # times the cost of `direct`: no trial
GAIN = 0.97  # of the dense time: what CSR must reach in a trial


def convolution(lowering: Lowering, x: Map, w: Any, b: Array | None, y: Map, after: dict[str, Any], how: dict[str, Any]) -> Sequence[Call]:
    """The calls of a convolution of the map `x` with the weights `w`, which may have zeros. after: activation and residual; how: window."""
    dense = lowering.native.convolution(lowering.machine, x, w, b, y, **after, **how)
    algorithm = lowering.recipe.algorithm
    named = how.get("algorithm", algorithm) not in ("auto", algorithm)
    if named or dense[-1].algorithm == "depthwise" or not lowering.recipe.sparse:
        return dense  # type: ignore[no-any-return]
    if (groups := how.get("groups", 1)) > 1:
        parts = [_one(lowering, *part, how=how | {"groups": 1}) for part in _groups(groups, x, w, b, y, after)]
        return sum(map(list, parts), []) if any(calls[-1].algorithm.startswith("CSR") for calls in parts) else dense
    return _one(lowering, x, w, b, y, after, how, dense)


def _groups(
    groups: int, x: Map, w: Any, b: Array | None, y: Map, after: dict[str, Any]
) -> list[tuple[Map, Any, Array | None, Map, dict[str, Any]]]:
    """x, w, b, y, after of each group."""
    cin, cout = x.shape[3] // groups, y.shape[3] // groups
    found = []
    for g in range(groups):
        part, residual = slice(g * cout, (g + 1) * cout), after["residual"]
        its = after | {"residual": None if residual is None else residual.channels(g * cout, cout)}
        b_part = None if b is None else np.ascontiguousarray(b[part])
        found.append((x.channels(g * cin, cin), w.among(part), b_part, y.channels(g * cout, cout), its))
    return found


def _one(
    lowering: Lowering, x: Map, w: Any, b: Array | None, y: Map, after: dict[str, Any], how: dict[str, Any],
    dense: Sequence[Call] | None = None,
) -> Sequence[Call]:
    """The same of a convolution without groups."""
    sparse, m = kernels.native.plan_sparse, lowering.machine
    dense = lowering.native.convolution(m, x, w, b, y, **after, **how) if dense is None else dense
    window = {"stride": 1, "padding": 0} | {k: v for k, v in how.items() if k != "algorithm"}
    s = conv_shape("compile", x.shape, w.shape, **window)
    what = sparse.kept(w, DENSE_ENOUGH) if s.n and sparse.supports(m, s) else None
    if what is None:
        return dense
    shared = what.shared * sparse.SHARE * SHARED_OPERATION < what.weights * CSR_OPERATION
    csr = sparse.convolution(m, s, x, w, what, shared, b, y, **after)
    cost = partial(csr_cost, weights=what.shared * sparse.SHARE if shared else what.weights, shared=shared)
    takes_csr, costs = _decided(lowering, s, dense, csr, cost)
    why = f"density {what.weights / prod(w.shape):.3g}: {costs}"
    return [csr._replace(why=why)] if takes_csr else [*dense[:-1], dense[-1]._replace(why=why)]


def _decided(lowering: Lowering, s: Any, dense: Sequence[Call], csr: Call, cost: Callable[[Any], float]) -> Choice:
    """Whether CSR is taken, and why: as it was chosen before, or as the rules or a trial say."""
    decide = _tried if lowering.recipe.tune else _estimated
    choice = next(lowering.before, None) or decide(lowering, s, dense, csr, cost)
    lowering.choices.append(choice)
    return choice


def _estimated(lowering: Lowering, s: Any, dense: Sequence[Call], csr: Call, cost: Callable[[Any], float]) -> Choice:
    """Whether the rules choose CSR, and the costs as text: shares of what `direct` takes."""
    s = s._replace(n=SOME_IMAGES) if lowering.recipe.algorithm == "batch_invariant" else s
    algorithm, direct, sparse = dense[-1].algorithm, dense_cost(s), cost(s)
    best = dense_cost(s, dense[-1].settings["conv"].side if algorithm == "winograd" else 0)
    return sparse < best, f"{algorithm} {best / direct:.2f}, {csr.algorithm} {sparse / direct:.2f} of direct"


def dense_cost(s: Any, side: int = 0) -> float:
    """What `direct` takes, or `winograd` with tiles of this side, in multiply-adds of `direct`."""
    operation, weights = (WINOGRAD_5X5 if s.kh == 5 else WINOGRAD[side]) if side else (1.0, 1.0)
    size = s.kh * s.kw * s.cin * s.cout
    return float(size * (s.n * s.out_h * s.out_w * operation + DENSE_WEIGHT * weights))


def csr_cost(s: Any, weights: int, shared: bool = False) -> float:
    """What CSR takes with so many weights, in multiply-adds of `direct`. shared: neighbouring output channels share their columns."""
    width = s.out_w if s.kh == 1 else ceil((s.w + s.padding[1]) / s.stride[1] / CSR_VECTOR) * CSR_VECTOR
    positions = ceil(s.n * s.out_h * width / CSR_VECTOR) * CSR_VECTOR
    copied = 1.0 if s.kh == s.kw == 1 else 1.5 * s.kw
    floats = s.n * (s.h * s.w * s.cin * copied + s.out_h * s.out_w * s.cout)
    operation = SHARED_OPERATION if shared else CSR_OPERATION
    return float(weights * (operation * positions + CSR_WEIGHT) + CSR_FLOAT * floats)


def _tried(lowering: Lowering, s: Any, dense: Sequence[Call], csr: Call, cost: Callable[[Any], float]) -> Choice:
    """Whether CSR is faster in a trial, and the milliseconds as text."""
    if cost(s) > HOPELESS * dense_cost(s):
        return _estimated(lowering, s, dense, csr, cost)
    runs = [_runner(lowering.machine, calls) for calls in (dense, [csr])]
    dense_time, csr_time = map(min, zip(*([run() for run in runs] for _ in range(TRIALS)), strict=True))
    text = f"{dense[-1].algorithm} {1e3 * dense_time:.3g} ms, {csr.algorithm} {1e3 * csr_time:.3g} ms"
    return csr_time < GAIN * dense_time, text


def _runner(m: Any, calls: Sequence[Call]) -> Callable[[], float]:
    """A function that makes these calls alone, on maps of their own, and returns the seconds they took."""
    arena = kernels.native.arena
    first, last = calls[0].x, calls[-1].y
    x, y = new_map((*first.shape[:3], first.ld), arena.INPUT), new_map((*last.shape[:3], last.ld), arena.OUTPUT)
    maps = {id(first): x.channels(0, first.shape[3]), id(last): y.channels(0, last.shape[3])}
    moved = [call._replace(x=maps.get(id(call.x), call.x), y=maps.get(id(call.y), call.y), residual=None, name="") for call in calls]
    program = kernels.native.program.Program(moved, m)
    arrays = np.zeros(x.shape, np.float32), np.zeros(y.shape, np.float32)
    seconds, memory = np.zeros(len(calls)), kernels.native.program.Memory()

    def run() -> float:
        program.run(arrays[0], [arrays[1]], seconds, memory)
        return float(seconds.sum())

    run()
    return run
