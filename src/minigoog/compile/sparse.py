"""What becomes of a convolution whose weights have zeros: whichever of dense (`direct`, `winograd`), CSR and blocks is the fastest.

Fixed rules decide: a model of the costs, in multiply-adds of `direct`. With `compile(..., tune=True)` a trial does. The constants
are of one core each, of Zen 4 for AVX-512 and of Zen 1 for the others; a machine differs more in speed than in these ratios."""

from collections.abc import Callable, Sequence
from functools import partial
from math import ceil, prod
from typing import Any, NamedTuple, TypeAlias

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
CSR_WEIGHT = 20  # fetching a weight and its offset once
ALIGNED = 8  # pixels that rows of a map begin at multiples of, for CSR
DENSE_WEIGHT = 9  # fetching a weight once; `winograd` has more of them
PAD = 3  # copying a float of the map into its padding
BLOCK = 16  # output channels that a tile of blocks computes; fewer are CSR
TRIALS = 7
HOPELESS = 2  # times the cost of the cheapest: no trial
GAIN = 0.97  # of the dense time: what sparse weights must reach in a trial


class Rates(NamedTuple):
    """What an instruction set takes for each, in multiply-adds of `direct`."""

    csr: float  # a multiply-add of CSR
    shared: float  # the same where output channels share their columns
    csr_float: float  # one float of the map to or from lines of pixels
    csr_copy: float  # of them, for each column of a larger window
    csr_vector: int  # pixels that are computed together, needed or not
    blocks: float  # a multiply-add of a block of at least two vectors of output channels
    one_vector: float  # the same of one vector
    block_in: float  # reading a float of the map, which few multiply-adds share
    block_out: float  # beginning and storing a sum
    winograd: dict[int, tuple[float, float]]  # side of a tile -> (a multiply-add of the definition, fetched weights)
    winograd_5x5: tuple[float, float]
    winograd_float: float  # transforming a float of a map


OTHERS = Rates(1.55, 1.2, 6, 1.5, 8, 1.05, 1.4, 3, 12, {4: (0.4, 4.0), 3: (0.5, 2.9), 2: (0.55, 1.8)}, (0.85, 1.44), 0)
RATES = {"avx512": Rates(1.3, 0.9, 10, 1, 16, 0.97, 1.1, 1, 2.5, {4: (0.28, 4.0), 3: (0.5, 2.9), 2: (0.46, 1.8)}, (0.47, 1.44), 20)}


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
    side, rates = dense[-1].settings["conv"].side if dense[-1].algorithm == "winograd" else 0, rates_of(lowering.machine)
    return {dense[-1].algorithm: dense_cost(s, side, rates)} | {
        name: sparse_cost(s, what[share], share, rates)
        for share, name in reversed(kernels.native.plan_sparse.ALGORITHMS.items())  # of equal ones the largest blocks
    }


def rates_of(m: Any) -> Rates:
    """Those of the machine's instruction set."""
    return RATES.get(kernels.native.machine.isa_of(m), OTHERS)


def _estimated(lowering: Lowering, s: Any, ways: Ways, costs: Callable[[Any], Costs]) -> Choice:
    """The algorithm that the rules choose, and the costs as text: shares of what `direct` takes."""
    s = s._replace(n=SOME_IMAGES) if lowering.recipe.algorithm == "batch_invariant" else s
    found, direct = costs(s), dense_cost(s)  # `direct`: the same for all instruction sets
    best = min(found, key=lambda name: found[name])
    return best, ", ".join(f"{name} {found[name] / direct:.2f}" for name in _told(found)) + " of direct"


def _told(found: Costs) -> list[str]:
    """The algorithms of which print(plan) tells: the dense one, and the best of the others."""
    first, *others = found
    return [first, min(others, key=lambda name: found[name])] if others else [first]


def dense_cost(s: Any, side: int = 0, rates: Rates = OTHERS) -> float:
    """What `direct` takes, or `winograd` with tiles of this side, in multiply-adds of `direct`."""
    operation, weights = (rates.winograd_5x5 if s.kh == 5 else rates.winograd[side]) if side else (1.0, 1.0)
    size, whole = s.kh * s.kw * s.cin * s.cout, max(side, 1)  # tiles reach beyond the edge
    outputs = s.n * ceil(s.out_h / whole) * ceil(s.out_w / whole) * whole**2
    transformed = rates.winograd_float * s.n * (s.h * s.w * s.cin + s.out_h * s.out_w * s.cout) if side else 0
    return float(size * (outputs * operation + DENSE_WEIGHT * weights) + transformed)


def sparse_cost(s: Any, entries: int, share: int = 1, rates: Rates = OTHERS) -> float:
    """What CSR (share 1 or 4) or blocks take, in multiply-adds of `direct`. entries: columns of `share` neighbouring output channels."""
    weights, in_map, outputs = entries * share, s.n * s.h * s.w * s.cin, s.n * s.out_h * s.out_w * s.cout
    if share >= BLOCK:
        padded = PAD * in_map if any(s.padding) else 0
        operations = weights * s.n * s.out_h * s.out_w * (rates.blocks if share >= 2 * rates.csr_vector else rates.one_vector)
        return float(operations + CSR_WEIGHT * weights + rates.block_in * in_map + rates.block_out * outputs + padded)
    width = s.out_w if s.kh == 1 else ceil((s.w + s.padding[1]) / s.stride[1] / ALIGNED) * ALIGNED
    positions = ceil(s.n * s.out_h * width / rates.csr_vector) * rates.csr_vector
    copied = 1.0 if s.kh == s.kw == 1 else rates.csr_copy * s.kw
    operation = rates.csr if share == 1 else rates.shared
    return float(weights * (operation * positions + CSR_WEIGHT) + rates.csr_float * (in_map * copied + outputs))


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
