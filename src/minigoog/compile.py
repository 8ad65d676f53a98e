"""`compile`: a network for inference as a flat list of prepared kernel calls.

A tape of one forward pass is read once. Every decision is made then: buffers (one arena, used again as soon as nobody reads them),
algorithms, packed weights, padding. Concatenation disappears: its inputs are written where they belong. The 1x1 convolutions on one
map become one product, whose output lies beside the concatenated map so that nothing has to be copied:

    [ 3x3 reduce | 5x5 reduce | 1x1 | 3x3 | 5x5 | pool projection ]     one product writes the first three blocks
                              [ the module's output ............. ]
"""

import threading
import time
from typing import NamedTuple

import numpy as np

from . import kernels
from .checks import check_array, check_shape
from .tape import Tape
from .tensor import Tensor
from .text import aligned, shape_text


class Step(NamedTuple):
    """What one operation of the tape (or several 1x1 convolutions together) became."""

    name: str
    kind: str
    in_shape: tuple
    out_shape: tuple
    multiply_adds: int
    calls: list


def compile(model, input_shape):
    """A Plan that computes what `model` computes in evaluation, for inputs of exactly `input_shape` (n, h, w, c).

    The weights are copied: later changes of the model are not seen. Needs the C kernels."""
    if kernels.native is None:
        raise RuntimeError("compile: the C kernels were not built; a plan is a list of calls to them")
    shape = check_shape("compile", "input_shape", input_shape, 4)
    modes = [(module, module.training) for _, module in model.named_modules()]
    x = Tensor(np.zeros(shape, np.float32), requires_grad=True)
    try:
        y = model.eval()(x)
    finally:
        for module, training in modes:
            module.training = training
    names = {id(parameter): name.rpartition(".")[0] for name, parameter in model.named_parameters()}
    plan = _Compiler(Tape(y), x, names).plan(y)
    del y  # and with it the tape's activations; then their memory
    kernels.native.workspace.release()
    return plan


class Plan:
    """A compiled network: plan(x) takes a float32 array of `input_shape` and returns a new array. `steps` lists what it does.

    One arena (`arena_bytes`) holds everything between input and output; calls from several threads take turns."""

    def __init__(self, x, y, steps, arena):
        self.x, self.y, self.steps, self.arena = x, y, steps, arena
        self.input_shape, self.output_shape = x.shape, y.shape
        self.calls = [(call.function, call.arguments) for step in steps for call in step.calls]
        self.lock, self.threads = threading.Lock(), kernels.get_num_threads()

    @property
    def arena_bytes(self):
        """Memory of all activations and scratch."""
        return sum(block.nbytes for block in self.arena.blocks)

    def __call__(self, x):
        check_array("plan", "x", x, dtype=np.float32, shape=self.input_shape)
        if kernels.get_num_threads() != self.threads:  # each has its scratch in the arena
            raise RuntimeError(f"plan: compiled for {self.threads} threads, but {kernels.get_num_threads()} are set now: compile it again")
        with self.lock:
            self.x[...] = x
            for function, arguments in self.calls:
                function(*arguments)
            return self.y.copy()

    def profile(self, x, repeats=20):
        """The table of `print(plan)` with median milliseconds, GFLOP/s and share of the machine's measured peak for each step."""
        self(x)
        times = np.zeros((repeats, len(self.steps)))
        with self.lock:
            for row in times:
                for i, step in enumerate(self.steps):
                    start = time.perf_counter()
                    for call in step.calls:
                        call.function(*call.arguments)
                    row[i] = time.perf_counter() - start
        return self._table(np.median(times, axis=0))

    def __repr__(self):
        return self._table(None)

    def _table(self, seconds):
        rows = [("", "step", "kind", "input", "output", "algorithm", "multiply-adds")]
        if seconds is not None:
            rows[0] += ("ms", "GFLOP/s", "of peak")
            peak = kernels.native.machine.peak_gflops()
        for i, step in enumerate(self.steps):
            algorithm = "+".join(dict.fromkeys(call.algorithm for call in step.calls if call.algorithm))
            shapes = shape_text(step.in_shape), shape_text(step.out_shape)
            row = (str(i), step.name, step.kind, *shapes, algorithm, f"{step.multiply_adds:,}")
            if seconds is not None:
                gflops = 2e-9 * step.multiply_adds / seconds[i]
                row += (f"{seconds[i] * 1e3:.3f}", *((f"{gflops:.0f}", f"{gflops / peak:.0%}") if gflops else ("", "")))
            rows.append(row)
        total = "" if seconds is None else f", {seconds.sum() * 1e3:.2f} ms"
        return f"{aligned(rows, right=(0, 6, 7, 8, 9))}\n{len(self.calls)} calls, arena {self.arena_bytes / 2**20:.1f} MiB{total}"


class _Compiler:
    """Reads a tape from the oldest operation to the newest and lays out buffers and calls."""

    def __init__(self, tape, x, names):
        self.tape, self.names = tape, names
        self.arena = kernels.native.workspace.Arena()
        self.steps, self.done = [], set()
        self.x = self.arena.empty(x.shape)
        self.values = {id(x): self.x}  # input or operation -> the array that holds its output
        self.inputs = {op: [self._key(t) for t in op.inputs] for op in tape}
        self.readers = {}  # input or operation -> operations that read it
        for op in tape:
            for key in self.inputs[op]:
                self.readers.setdefault(key, []).append(op)
        self.last_use = {key: ops[-1] for key, ops in self.readers.items()}
        self.concat_of = {key: op for op in tape if _kind(op) == "Concat" for key in self.inputs[op] if self._lives_in(key, op)}

    @staticmethod
    def _key(tensor):
        return id(tensor) if tensor.op is None else tensor.op

    def _lives_in(self, key, concat):
        """Whether the operation `key` may write straight into the output of `concat`: nobody else concatenates it, it occurs once."""
        readers = [op for op in self.readers[key] if _kind(op) == "Concat"]
        return readers == [concat] and self.inputs[concat].count(key) == 1 and _kind(key) in ("Conv2d", "MaxPool2d", "AvgPool2d")

    def plan(self, y):
        """The finished plan for the tensor `y`."""
        for op in self.tape:
            if op not in self.done:
                getattr(self, f"_{_kind(op)}", self._anything)(op)
            for key in {key for key in self.inputs[op] if self.last_use[key] is op}:
                self.values.pop(key, None)  # its block may be lent again
        return Plan(self.x, self.values[y.op], self.steps, self.arena)

    def value(self, op, i=0):
        """The array of an operation's input `i`: a buffer, or a parameter's data."""
        return self.values.get(self.inputs[op][i], op.inputs[i].data)

    def output(self, op):
        """The array that `op` writes to: its slice of a concatenated map, or a buffer of its own."""
        if op not in self.values:
            concat = self.concat_of.get(op)
            if concat is None:
                self.values[op] = self.arena.empty(op.y.shape)
            else:
                self._lay_out(concat, extra=0)
        return self.values[op]

    def _lay_out(self, concat, extra):
        """Makes the buffer of a concatenation, with `extra` channels before it, and its inputs' slices; returns the whole buffer."""
        wide = self.arena.empty((*concat.y.shape[:-1], extra + concat.y.shape[-1]))
        self.values[concat] = wide[..., extra:]
        for key, part in zip(self.inputs[concat], concat.split(self.values[concat]), strict=True):
            if self.concat_of.get(key) is concat:
                self.values[key] = part
        return wide

    def add(self, op, calls, multiply_adds=0, name=None, out_shape=None):
        """Appends a step."""
        place = name or next((self.names[id(t)] for t in op.inputs if id(t) in self.names), "")
        x_shape = self.value(op).shape
        self.steps.append(Step(place, _kind(op), x_shape, out_shape or op.y.shape, multiply_adds, calls))

    def _Conv2d(self, op):
        w, b = op.inputs[1].data, op.inputs[2].data if len(op.inputs) > 2 else None
        group = self._same_input(op)
        if len(group) > 1:
            self._together(group)
            return
        x, y, window = self.value(op), self.output(op), dict(op.window)
        groups, _ = window.pop("groups"), window.pop("algorithm")
        calls = []
        for g in range(groups):
            i, o = (slice(g * n // groups, (g + 1) * n // groups) for n in (x.shape[-1], y.shape[-1]))
            bias = None if b is None else b[o].copy()
            calls += kernels.native.steps.conv(x[..., i], np.ascontiguousarray(w[..., o]), bias, op.relu, y[..., o], self.arena, **window)
        self.add(op, calls, op.y.size * w[..., 0].size)

    def _same_input(self, op):
        """The 1x1 convolutions that can run as one product with `op`, itself the first of them: others first, then the one whose
        output begins a concatenated map (which must be there, and only one)."""
        candidates = [other for other in self.readers[self.inputs[op][0]] if _is_pointwise(other, op) and other not in self.values]
        begins = [other for other in candidates if other in self.concat_of and self.inputs[self.concat_of[other]][0] == other]
        if len(begins) != 1 or any(other in self.concat_of for other in candidates if other is not begins[0]):
            return [op]
        return [other for other in candidates if other is not begins[0]] + begins if op in candidates else [op]

    def _together(self, group):
        """Several 1x1 convolutions on one map as one product."""
        x, last = self.value(group[0]), group[-1]
        widths = [op.y.shape[-1] for op in group]
        wide = self._lay_out(self.concat_of[last], extra=sum(widths[:-1]))
        for op, part in zip(group[:-1], np.split(wide, np.cumsum(widths[:-1]), axis=-1), strict=False):
            self.values[op] = part
        w = np.concatenate([op.inputs[1].data for op in group], axis=-1)
        biases = [op.inputs[2].data if len(op.inputs) > 2 else np.zeros(n, np.float32) for op, n in zip(group, widths, strict=True)]
        y = wide[..., : sum(widths)]
        calls = kernels.native.steps.conv(x, w, np.concatenate(biases), last.relu, y, self.arena)
        place = self.names.get(id(last.inputs[1]), "")
        self.add(last, calls, y.size * x.shape[-1], name=f"{place} and {len(group) - 1} reductions", out_shape=y.shape)
        self.done.update(group)

    def _Linear(self, op):
        x, w, b = self.value(op), op.inputs[1].data, op.inputs[2].data.copy() if len(op.inputs) > 2 else None
        y = self.output(op)
        calls = kernels.native.steps.conv(x[:, None, None], w[None, None], b, op.relu, y[:, None, None], self.arena)
        self.add(op, calls, op.y.size * x.shape[-1])

    def _MaxPool2d(self, op):
        self.add(op, kernels.native.steps.max_pool(self.value(op), self.output(op), op.window))

    def _AvgPool2d(self, op):
        self.add(op, kernels.native.steps.avg_pool(self.value(op), self.output(op), op.window))

    def _GlobalAvgPool2d(self, op):
        x, y = self.value(op), self.output(op)
        self.add(op, kernels.native.steps.avg_pool(x, y[:, None, None], {"size": x.shape[1:3], "stride": None, "padding": 0}))

    def _Concat(self, op):
        if op not in self.values:
            self._lay_out(op, extra=0)
        for key, part in zip(self.inputs[op], op.split(self.values[op]), strict=True):
            if self.concat_of.get(key) is not op:
                self.add(op, [kernels.native.steps.python(np.copyto, part, self.values[key])])

    def _Reshape(self, op):
        x = self.value(op)
        if x.flags.c_contiguous:
            self.values[op] = x.reshape(op.shape)
        else:
            self._anything(op)

    def _anything(self, op):
        """An operation without a prepared call: its forward function, on the plan's buffers."""
        xs, y = [self.value(op, i) for i in range(len(op.inputs))], self.output(op)
        self.add(op, [kernels.native.steps.python(_forward, op, xs, y)])


def _forward(op, xs, y):
    y[...] = op.forward(*map(np.ascontiguousarray, xs))


def _kind(op):
    return type(op).__name__


def _is_pointwise(op, like):
    """Whether `op` is a 1x1 convolution of stride 1 without padding or groups that ends like `like`."""
    if _kind(op) != "Conv2d" or op.relu != like.relu or op.inputs[1].shape[:2] != (1, 1):
        return False
    pairs = [value if isinstance(value, tuple) else (value, value) for value in (op.window["stride"], op.window["padding"])]
    return pairs == [(1, 1), (0, 0)] and op.window["groups"] == 1 and op.inputs[1].op is None
