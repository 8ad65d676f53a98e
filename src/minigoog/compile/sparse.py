"""What becomes of a convolution whose weights have zeros: whichever of dense (`direct`, `winograd`), CSR and blocks is the fastest.

Fixed rules decide: a model of the costs, in multiply-adds of `direct`. With `compile(..., tune=True)` a trial does. The constants
are from benchmarks/sparsity.py on one core (docs/speed_log.md); a machine differs more in speed than in these ratios."""

from collections.abc import Callable, Sequence
from functools import partial
from math import ceil, prod
from typing import Any, TypeAlias

import numpy as np

from .. import kernels
from ..array_types import Array
from ..kernels.shapes import conv_shape
from .layout import Map, new_map
from .lowering import Call, Choice, Lowering

Ways: TypeAlias = dict[str, Callable[[], Sequence[Call]]]  # algorithm -> its calls, the dense one first
Costs: TypeAlias = dict[str, float]

DENSE_ENOUGH = 0.7  # dense from this density on
SOME_IMAGES = 8  # for which "batch_invariant" chooses
CSR_OPERATION = 1.55  # a multiply-add of CSR
SHARED_OPERATION = 1.2  # the same where output channels share their columns
CSR_FLOAT = 6  # one float of the map to or from lines of pixels
CSR_WEIGHT = 20  # fetching a weight and its offset once
CSR_VECTOR = 8  # pixels that are computed together, needed or not
BLOCK_OPERATION = (1.05, 1.4)  # a multiply-add of a block of at least two vectors of output channels, and of one
BLOCK_IN, BLOCK_OUT = 3, 12  # reading a float of the map, which few multiply-adds share; beginning and storing a sum
PAD = 3  # copying a float of the map into its padding
DENSE_WEIGHT = 9  # fetching a weight once; `winograd` has more of them
WINOGRAD = {4: (0.4, 4.0), 3: (0.5, 2.9), 2: (0.55, 1.8)}  # side -> (a multiply-add of the definition, fetched weights)
WINOGRAD_5X5 = (0.85, 1.44)
BLOCK = 16  # output channels that a tile of blocks computes; fewer are CSR
TRIALS = 7
HOPELESS = 2  # times the cost of the cheapest: no trial
GAIN = 0.97  # of the dense time: what sparse weights must reach in a trial


def convolution(lowering: Lowering, x: Map, w: Any, b: Array | None, y: Map, after: dict[str, Any], how: dict[str, Any]) -> Sequence[Call]:
    """The calls of a convolution of the map `x` with the weights `w`, which may have zeros. after: activation and residual; how: window."""
    dense = lowering.native.convolution(lowering.machine, x, w, b, y, **after, **how)
    algorithm = lowering.recipe.algorithm
    named = how.get("algorithm", algorithm) not in ("auto", algorithm)
    if named or dense[-1].algorithm == "depthwise" or not lowering.recipe.sparse:
        return dense  # type: ignore[no-any-return]
    if (groups := how.get("groups", 1)) > 1:
        ways = kernels.native.plan_sparse.ALGORITHMS.values()
        parts = [_one(lowering, *part, how=how | {"groups": 1}) for part in _groups(groups, x, w, b, y, after)]
        return sum(map(list, parts), []) if any(calls[-1].algorithm in ways for calls in parts) else dense
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
    ways = {dense[-1].algorithm: lambda: dense} | {
        name: partial(sparse.convolution, m, s, x, w, what, share, b, y, **after) for share, name in sparse.ALGORITHMS.items()
    }
    chosen, costs = _decided(lowering, s, ways, partial(_costs, lowering, dense, what))
    *pads, last = ways[chosen]()
    return [*pads, last._replace(why=f"density {what[1] / prod(w.shape):.3g}: {costs}")]


def _decided(lowering: Lowering, s: Any, ways: Ways, costs: Callable[[Any], Costs]) -> Choice:
    """The algorithm that is taken, and why: as it was chosen before, or as the rules or a trial say."""
    before = next(lowering.before, ("", ""))
    choice = before if before[0] in ways else (_tried if lowering.recipe.tune else _estimated)(lowering, s, ways, costs)
    lowering.choices.append(choice)
    return choice


def _costs(lowering: Lowering, dense: Sequence[Call], what: Any, s: Any) -> Costs:
    """{algorithm: its cost}, the dense one first."""
    side = dense[-1].settings["conv"].side if dense[-1].algorithm == "winograd" else 0
    two_vectors = 32 if kernels.native.machine.isa_of(lowering.machine) == "avx512" else 16
    return {dense[-1].algorithm: dense_cost(s, side)} | {
        name: sparse_cost(s, what[share], share, share >= two_vectors)
        for share, name in reversed(kernels.native.plan_sparse.ALGORITHMS.items())  # of equal ones the largest blocks
    }


def _estimated(lowering: Lowering, s: Any, ways: Ways, costs: Callable[[Any], Costs]) -> Choice:
    """The algorithm that the rules choose, and the costs as text: shares of what `direct` takes."""
    s = s._replace(n=SOME_IMAGES) if lowering.recipe.algorithm == "batch_invariant" else s
    found, direct = costs(s), dense_cost(s)
    best = min(found, key=lambda name: found[name])
    return best, ", ".join(f"{name} {found[name] / direct:.2f}" for name in _told(found)) + " of direct"


def _told(found: Costs) -> list[str]:
    """The algorithms of which print(plan) tells: the dense one, and the best of the others."""
    first, *others = found
    return [first, min(others, key=lambda name: found[name])] if others else [first]


def dense_cost(s: Any, side: int = 0) -> float:
    """What `direct` takes, or `winograd` with tiles of this side, in multiply-adds of `direct`."""
    operation, weights = (WINOGRAD_5X5 if s.kh == 5 else WINOGRAD[side]) if side else (1.0, 1.0)
    size = s.kh * s.kw * s.cin * s.cout
    return float(size * (s.n * s.out_h * s.out_w * operation + DENSE_WEIGHT * weights))


def sparse_cost(s: Any, entries: int, share: int = 1, wide: bool = True) -> float:
    """What CSR (share 1 or 4) or blocks take, in multiply-adds of `direct`. entries: columns of `share` neighbouring output channels; wide:
    whether that is two vectors."""
    weights, in_map, outputs = entries * share, s.n * s.h * s.w * s.cin, s.n * s.out_h * s.out_w * s.cout
    if share >= BLOCK:
        padded = PAD * in_map if any(s.padding) else 0
        operations = weights * s.n * s.out_h * s.out_w * BLOCK_OPERATION[not wide]
        return float(operations + CSR_WEIGHT * weights + BLOCK_IN * in_map + BLOCK_OUT * outputs + padded)
    width = s.out_w if s.kh == 1 else ceil((s.w + s.padding[1]) / s.stride[1] / CSR_VECTOR) * CSR_VECTOR
    positions = ceil(s.n * s.out_h * width / CSR_VECTOR) * CSR_VECTOR
    copied = 1.0 if s.kh == s.kw == 1 else 1.5 * s.kw
    operation = CSR_OPERATION if share == 1 else SHARED_OPERATION
    return float(weights * (operation * positions + CSR_WEIGHT) + CSR_FLOAT * (in_map * copied + outputs))


def _tried(lowering: Lowering, s: Any, ways: Ways, costs: Callable[[Any], Costs]) -> Choice:
    """The algorithm that is the fastest in a trial, dense unless another gains GAIN, and the milliseconds as text."""
    expected = costs(s)
    first, *others = expected
    tried = [first, *(name for name in others if expected[name] <= HOPELESS * min(expected.values()))]
    if len(tried) == 1:
        return _estimated(lowering, s, ways, costs)
    runs = {name: _runner(lowering.machine, ways[name]()) for name in tried}
    turns = [[run() for run in runs.values()] for _ in range(TRIALS)]
    found = {name: 1e3 * min(times) for name, times in zip(runs, zip(*turns, strict=True), strict=True)}
    best = min(tried[1:], key=lambda name: found[name])
    text = ", ".join(f"{name} {found[name]:.3g} ms" for name in (first, best))
    return best if found[best] < GAIN * found[first] else first, text


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
