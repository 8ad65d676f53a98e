"""What `compile` returns: steps that run together, or one by one with their times."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import kernels
from ..array_types import Array, Shape
from ..checks import check_array, check_int
from ..text import aligned, shape_text
from .lowering import Call


class Plan:
    """A compiled network. plan(x) takes a dense float32 array of `input_shape` and returns a new array (or tuple of arrays).

    print(plan) lists the `steps`. An arena (`arena_bytes`) holds everything between input and output; calls from several threads at once
    have one each. Results have the same bits for any number of threads."""

    def __init__(
        self,
        steps: Sequence[Call],
        machine: Any,
        input_shape: Shape,
        output_shapes: Sequence[Shape],
        output_type: type[tuple[Any, ...]] | None,
    ):
        self.input_shape, self.output_shapes, self.output_type = input_shape, output_shapes, output_type
        native = kernels.native
        calls = native.strips.joined(native.by_image.grouped(steps, input_shape[0], machine))
        self.program = native.program.Program(calls, machine)
        self.steps = self.program.calls
        self.memories: list[Any] = []  # of runs that have ended: kernels.native.program.Memory

    def __call__(self, x: Array) -> Any:
        return self._run(x)

    def _run(self, x: Array, seconds: Array | None = None) -> Any:
        check_array("plan", "x", x, dtype=np.float32, shape=self.input_shape)
        ys = [kernels.empty(shape) for shape in self.output_shapes]
        try:
            memory = self.memories.pop()
        except IndexError:  # as many threads run as never before
            memory = kernels.native.program.Memory()
        self.program.run(x, ys, seconds, memory)
        self.memories.append(memory)
        if self.output_type is None:
            return ys[0]
        return self.output_type(*ys) if hasattr(self.output_type, "_fields") else tuple(ys)

    @property
    def arena_bytes(self) -> int:
        """Memory of everything between input and output, scratch included: of one call, with the number of threads that is set."""
        return int(self.program.memory_bytes)

    def seconds(self, x: Array, repeats: int = 10) -> Array:
        """The median time of each step over `repeats` runs, an array of seconds."""
        times = np.zeros((check_int("plan.seconds", "repeats", repeats, 1), len(self.steps)))
        self._run(x)
        for row in times:
            self._run(x, row)
        medians: Array = np.median(times, axis=0)
        return medians

    def profile(self, x: Array, repeats: int = 10) -> str:
        """The table of print(plan) with milliseconds (median of `repeats`), GFLOP/s and share of the machine's measured peak.

        A convolution's GFLOP/s count the multiplications of its definition, so `winograd` may exceed the peak."""
        seconds, peak = self.seconds(x, repeats), kernels.native.machine.peak_gflops()
        head, *rows = self._cells()
        head += ("ms", "GFLOP/s", "of peak")
        for i, (row, step) in enumerate(zip(rows, self.steps, strict=True)):
            rate = 2e-9 * step.multiply_adds / seconds[i]
            rows[i] = row + (f"{1e3 * seconds[i]:.3f}", *((f"{rate:.0f}", f"{rate / peak:.0%}") if rate else ("", "")))
        total = seconds.sum()
        rate = 2e-9 * sum(step.multiply_adds for step in self.steps) / total
        summary = f"{1e3 * total:.2f} ms, {rate:.0f} GFLOP/s, {rate / peak:.0%} of a peak of {peak:.0f}"
        return self._table([head, *rows], summary)

    def __repr__(self) -> str:
        return self._table(self._cells(), f"{sum(step.multiply_adds for step in self.steps):,} multiply-adds")

    def _cells(self) -> list[tuple[str, ...]]:
        head: tuple[str, ...] = ("", "step", "kind", "input", "output", "algorithm", "multiply-adds")
        shapes = [(shape_text(step.x.shape), shape_text(step.y.shape)) for step in self.steps]
        whys = [(step.why,) * any(other.why for other in self.steps) for step in self.steps]
        head = (*head[:6], *("because",) * any(whys), head[6])
        return [head] + [
            (str(i), step.name, step.kind, *shape, step.algorithm, *why, f"{step.multiply_adds:,}" if step.multiply_adds else "")
            for i, (step, shape, why) in enumerate(zip(self.steps, shapes, whys, strict=True))
        ]

    def _table(self, cells: Sequence[tuple[str, ...]], summary: str) -> str:
        memory = f"arena {self.arena_bytes / 2**20:.1f} MiB, packed weights {self.program.constant_bytes / 2**20:.1f} MiB"
        right = (0, *range(cells[0].index("multiply-adds"), len(cells[0])))
        return f"{aligned(cells, right=right)}\n{len(self.steps)} steps, {summary}; {memory}"

    def _repr_html_(self) -> str:
        """For notebooks: the table of print(plan)."""
        from ..html import block, table

        head, *rows = self._cells()
        return block(table(head, rows, right=(0, len(head) - 1)), repr(self).splitlines()[-1])
