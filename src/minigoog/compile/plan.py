"""What `compile` returns: steps that run together, or one by one with their times."""

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import kernels
from ..array_types import Array, Shape
from ..checks import check_array, check_int
from .building import Results, Version, build, float32_version
from .comparison import Comparison, compare
from .lowering import Recipe
from .precision import check_images
from .printing import cells, html, table

if TYPE_CHECKING:
    from ..nn import Module


class Plan:
    """A compiled network. plan(x) takes a dense float32 array of `input_shape`, or of another of `input_shapes`, and returns a new array
    (or tuple of arrays).

    print(plan) lists the `steps`. An arena (`arena_bytes`) holds everything between input and output; calls from several threads at once
    have one each. Results have the same bits for any number of threads. `save` writes the plan to a file, for load_plan."""

    def __init__(self, versions: list[Version], output_type: Results, recipe: Recipe, machine: Any):
        self.versions, self.output_type, self.recipe, self.machine = versions, output_type, recipe, machine
        self.memories: list[Any] = []  # of runs that have ended: kernels.native.program.Memory

    def __call__(self, x: Array) -> Any:
        return self._run(self._for(x), x)

    def _for(self, x: Array) -> Version:
        """The version for the shape of `x`."""
        versions = self.versions
        shape = x.shape if isinstance(x, np.ndarray) else None
        found = next((version for version in versions if version.input_shape == shape), None)
        if found is None and len(versions) > 1 and shape is not None:
            expected = ", ".join(str(version.input_shape) for version in versions)
            raise ValueError(f"plan: `x` has shape {shape}, expected one of {expected}")
        found = found or versions[0]
        check_array("plan", "x", x, dtype=np.float32, shape=found.input_shape)
        if self.recipe.precision == "int8" and np.isnan(x).any():
            raise ValueError(f"plan: `x` has {int(np.isnan(x).sum())} NaN, expected numbers: int8 has no code for it")
        return found

    def _run(self, version: Version, x: Array, seconds: Array | None = None) -> Any:
        ys = [kernels.empty(shape) for shape in version.output_shapes]
        try:
            memory = self.memories.pop()
        except IndexError:  # as many threads run as never before
            memory = kernels.native.program.Memory()
        version.program.run(x, ys, seconds, memory)
        self.memories.append(memory)
        if self.output_type is None:
            return ys[0]
        return self.output_type(*ys) if hasattr(self.output_type, "_fields") else tuple(ys)

    @property
    def input_shape(self) -> Shape:
        """(n, h, w, c) of the input; of several the first."""
        return self.versions[0].input_shape

    @property
    def input_shapes(self) -> list[Shape]:
        """All shapes that an input may have."""
        return [version.input_shape for version in self.versions]

    @property
    def output_shapes(self) -> list[Shape]:
        """Of the outputs for an input of `input_shape`."""
        return self.versions[0].output_shapes

    @property
    def program(self) -> Any:
        """The calls for `input_shape` with their memory."""
        return self.versions[0].program

    @property
    def steps(self) -> list[Any]:
        """The calls for `input_shape`, in their order."""
        return list(self.program.calls)

    @property
    def arena_bytes(self) -> int:
        """Memory of everything between input and output, scratch included: of one call, with the number of threads that is set."""
        return max(int(version.program.memory_bytes) for version in self.versions)

    @property
    def constant_bytes(self) -> int:
        """Memory of packed weights and biases, of all versions together."""
        return max(int(version.program.constant_bytes) for version in self.versions)

    def compare(self, model: "Module", images: Array) -> Comparison:
        """What an int8 or bf16 plan loses against float32 on `images` [n, h, w, c], layer by layer; `model`: what it was compiled from."""
        if self.recipe.precision == "float32":
            raise ValueError("plan.compare: the plan computes in float32, expected int8 or bf16: there is nothing to compare")
        if self.versions[0].formats is None:
            raise ValueError("plan.compare: the plan is from a file, expected one of compile: where its maps are was not saved")
        check_images("plan.compare", "images", images, self.input_shape)
        return compare(float32_version(model, self.versions[0], self.recipe, self.machine), self.versions[0], images)

    # ---- a file, and the model's later weights ----

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the plan, weights and choices of `tune` included, to a file that load_plan maps into memory. All of it or nothing.

        ValueError for a plan with a step in NumPy, whose code a file cannot hold."""
        from . import saved

        saved.save(saved.Parts(self.versions, self.output_type, self.recipe, self.machine), path)

    def is_stale(self, model: "Module") -> bool:
        """Whether `model` would make another plan now: its weights, or the zeros among them, have changed. As long as `compile`."""
        fresh = self._fresh(model)
        same = self.output_type_name == fresh.output_type_name and len(self.versions) == len(fresh.versions)
        return not (same and all(_alike(a, b) for a, b in zip(self.versions, fresh.versions, strict=True)))

    def refresh(self, model: "Module") -> None:
        """Takes the present weights of `model`, which has the same inputs and outputs; calls that are running keep the earlier ones.

        Choices of `tune` stay as they are."""
        fresh = self._fresh(model)
        ours, theirs = ([version.output_shapes for version in plan.versions] for plan in (self, fresh))
        if ours != theirs or self.output_type_name != fresh.output_type_name:
            raise ValueError(f"plan.refresh: `model` returns {fresh.output_type_name} of shapes {theirs[0]}, "
                             f"expected {self.output_type_name} of {ours[0]}")
        self.versions = fresh.versions

    def _fresh(self, model: "Module") -> "Plan":
        if not hasattr(model, "named_modules"):
            raise TypeError(f"plan: `model` is {type(model).__name__}, expected a Module")
        if self.recipe.calibrated and self.recipe.calibrate is None:
            raise ValueError("plan: a calibrated plan from a file has no calibration images to be made anew with: compile the model again")
        before = [version.choices for version in self.versions]
        return Plan(*build(model, self.recipe, self.machine, before), self.recipe, self.machine)

    @property
    def output_type_name(self) -> str:
        """What a call returns: "Array", or the name of a tuple."""
        return "Array" if self.output_type is None else self.output_type.__name__

    # ---- tables ----

    def seconds(self, x: Array, repeats: int = 10) -> Array:
        """The median time of each step over `repeats` runs, an array of seconds."""
        version = self._for(x)
        times = np.zeros((check_int("plan.seconds", "repeats", repeats, 1), len(version.program.calls)))
        self._run(version, x)
        for row in times:
            self._run(version, x, row)
        medians: Array = np.median(times, axis=0)
        return medians

    def profile(self, x: Array, repeats: int = 10) -> str:
        """The table of print(plan) with milliseconds (median of `repeats`), GFLOP/s and share of the machine's measured peak.

        A convolution's GFLOP/s count the multiplications of its definition, so `winograd` may exceed the peak."""
        seconds, peak = self.seconds(x, repeats), kernels.native.machine.peak_gflops()
        steps = self._for(x).program.calls
        head, *rows = cells(steps)
        head += ("ms", "GFLOP/s", "of peak")
        for i, (row, step) in enumerate(zip(rows, steps, strict=True)):
            rate = 2e-9 * step.multiply_adds / seconds[i]
            rows[i] = row + (f"{1e3 * seconds[i]:.3f}", *((f"{rate:.0f}", f"{rate / peak:.0%}") if rate else ("", "")))
        total = seconds.sum()
        rate = 2e-9 * sum(step.multiply_adds for step in steps) / total
        summary = f"{1e3 * total:.2f} ms, {rate:.0f} GFLOP/s, {rate / peak:.0%} of a peak of {peak:.0f}"
        return table([head, *rows], f"{len(steps)} steps, {summary}; {self._memory()}")

    def _memory(self) -> str:
        note = f"\n{self.recipe.precision}: {self.recipe.note}" if self.recipe.note else ""
        return f"arena {self.arena_bytes / 2**20:.1f} MiB, packed weights {self.constant_bytes / 2**20:.1f} MiB{note}"

    def __repr__(self) -> str:
        tables = []
        for version in self.versions:
            steps = version.program.calls
            summary = f"{len(steps)} steps, {sum(step.multiply_adds for step in steps):,} multiply-adds; {self._memory()}"
            tables.append(table(cells(steps), summary))
        return "\n\n".join(tables)

    def _repr_html_(self) -> str:
        """For notebooks: the table of print(plan)."""
        return html(cells(self.steps), " ".join(repr(self).splitlines()[len(self.steps) + 2 :]))


def load_plan(path: str | os.PathLike[str]) -> Plan:
    """The Plan that Plan.save wrote to `path`; its packed weights are mapped into memory, not copied.

    DamagedFile for a file that is no plan, is damaged, or is for another version or instruction set: a plan is made for one. The
    file must not be written to while the plan is in use; Plan.save replaces a file by a new one, which does no harm."""
    from .saved import load

    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(f"load_plan: `path` is {type(path).__name__}, expected a path")
    if kernels.native is None:
        raise RuntimeError("load_plan: the C kernels were not built (or MINIGOOG_NATIVE=off), and a plan is a list of calls to them")
    return Plan(*load(path))


def _alike(a: Version, b: Version) -> bool:
    """Whether two versions compute the same, to the bit."""
    same = a.output_shapes == b.output_shapes and _computed(a) == _computed(b)
    return same and np.array_equal(a.program.constants.view(np.uint8), b.program.constants.view(np.uint8))


def _computed(version: Version) -> list[dict[str, Any]]:
    """The calls without the reasons that are printed, among which are measured errors."""
    return [call | {"labels": call["labels"][:-1]} for call in version.program.described()]
