"""Contests between ways to compute one convolution: wrong answers are not timed, and all contestants of a layer take turns."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
from numpy.random import Generator

from ... import kernels
from ...array_types import Array, Pair, Shape
from ...compile import compile
from ...kernels.sparse_pattern import SparsePattern
from ...nn import Conv2d
from ...nn.sparse import ungrouped
from ..runner.demonstration import Rows
from .turns import Key, Run, calls_in_a_turn, check_answer, seconds, take_turns

LONG = 20e-3  # seconds: for longer calls, filling the caches takes a negligible time


class Sparse(NamedTuple):
    """A sparse kernel with its weights."""

    run: Run
    kept: int  # number of non-zero weights
    error: float  # of the first image, relative to its largest value


@contextmanager
def one_thread() -> Iterator[None]:
    """Within a with-block the C kernels use one thread: several cores share caches and memory, which blurs the ratio of two kernels."""
    if kernels.native is None:
        raise RuntimeError("sparsity: the C kernels were not built (or MINIGOOG_NATIVE=off): nothing to benchmark")
    before = kernels.get_num_threads()
    kernels.set_num_threads(1)
    try:
        yield
    finally:
        kernels.set_num_threads(before)


def fastest(runs: dict[Key, Run], rounds: int) -> dict[Key, float]:
    """{name: milliseconds of a call} of the functions {name: run}, which take `rounds` turns in rotation, each after an untimed call if
    calls are short. The fastest turn counts, because other processes on the machine only add to a time. For one thread;
    benchmarks/turns.py is for several."""
    times = take_turns({name: _turn(run) for name, run in runs.items()}, rounds)
    return {name: min(values) * 1e3 for name, values in times.items()}


def _turn(run: Run) -> Callable[[], float]:
    call = seconds(run)

    def turn() -> float:
        if call < LONG:
            run()
        return seconds(run, calls_in_a_turn(call))

    return turn


class Contest:
    """The dense kernels and any number of sparse ones on one layer: `conv`, without bias, of the map `x`.

    dense: {kernel: run}, `auto` and `direct`, which pack the weights at each call, and a compiled plan, which has packed them once;
    sparse: {(kernel, density): Sparse}."""

    def __init__(self, layer: str, conv: Conv2d, x: Array):
        self.layer, self.conv, self.x = layer, conv, x
        self.settings: dict[str, Any] = {"stride": conv.stride, "padding": conv.padding}
        self.dense = dense_runs(conv, x)
        self.sparse: dict[tuple[str, float], Sparse] = {}

    def add(self, kernel: str, density: float, pattern: SparsePattern, kept: int | None = None) -> None:
        """Adds the weights of `pattern` as a contestant, on the kernel for its blocks or "textbook"; `kept`: how many are not zero."""
        w = ungrouped(self.conv.weight.data, self.conv.groups)
        values, algorithm = pattern.gather(w), "textbook" if kernel == "textbook" else "auto"

        def run() -> Array:
            y: Array = kernels.native.sparse_conv2d(self.x, values, pattern=pattern, algorithm=algorithm, **self.settings)
            return y

        judge = self.judge(pattern.scatter(values))
        self.sparse[kernel, density] = Sparse(run, kept or pattern.n_weights, self.error(kernel, run()[:1], judge))

    def judge(self, w: Array) -> Array:
        """The convolution of the first image with `w`, in float64."""
        y: Array = kernels.reference.conv2d(self.x[:1].astype(np.float64), w.astype(np.float64), **self.settings)
        return y

    def error(self, kernel: str, y: Array, judge: Array) -> float:
        """The difference of `y` from `judge`; raises WrongAnswer if it is too large."""
        return check_answer(f"{self.layer}, {kernel}", y, judge)

    @property
    def runs(self) -> dict[Any, Run]:
        """Every contestant by its key."""
        return self.dense | {key: way.run for key, way in self.sparse.items()}

    def rows(self, times: dict[Any, float], peak: float) -> Rows:
        """A row for each contestant, from {key: milliseconds}; GFLOP/s count the multiplications that are left. peak: GFLOP/s."""
        best, size = min(self.dense, key=lambda name: times[name]), self.conv.weight.size
        operations = 2 * np.prod(self.dense["plan"]().shape[:3])
        facts: list[tuple[str, float, int, float | None]] = [(name, 1.0, size, None) for name in self.dense]
        facts += [(*key, way.kept, way.error) for key, way in self.sparse.items()]
        rows = []
        for (kernel, density, kept, error), ms in zip(facts, (times[key] for key in self.runs), strict=True):
            rate = float(operations * kept / ms * 1e-6)
            rows.append({"layer": self.layer, "kernel": kernel, "density": density, "ms": ms, "gflops": rate, "share": rate / peak,
                         "per_operation": rate / (operations * size / times["direct"] * 1e-6), "x_dense": times[best] / ms,
                         "best_dense": best, "error": error})
        return rows


def dense_runs(conv: Conv2d, x: Array) -> dict[str, Run]:
    """{kernel: run} of the dense kernels of this engine, the fastest of which is the reference."""
    w, plan = conv.weight.data, compile(conv, x.shape, sparse=False)
    settings = {"stride": conv.stride, "padding": conv.padding, "groups": conv.groups}
    runs = {name: lambda name=name: kernels.native.conv2d(x, w, algorithm=name, **settings) for name in ("auto", "direct")}
    return runs | {"plan": lambda: plan(x)}


def dense_layer(rng: Generator, cin: int, cout: int, kernel_size: Pair, stride: Pair = 1, padding: Pair = 0) -> Conv2d:
    """A convolution of random weights, without bias."""
    return Conv2d(cin, cout, kernel_size, stride, padding, init=lambda shape: rng.standard_normal(shape, np.float32), bias=False)


def random_pattern(shape: Shape, density: float, block: int, rng: Generator) -> SparsePattern:
    """A random mask of the weights [kh, kw, cin, cout], or of their blocks, of which at least one is kept."""
    *window, cout = shape
    rows = -(-cout // block)
    keep = np.zeros(int(np.prod(window)) * rows, bool)
    keep[rng.choice(len(keep), max(1, round(density * len(keep))), replace=False)] = True
    pattern: SparsePattern = SparsePattern.from_mask(np.repeat(keep.reshape(*window, rows), block, axis=3)[..., :cout], block)
    return pattern
