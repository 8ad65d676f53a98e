"""An operation: its forward and backward function, and, after it has run, the record of that run."""

import inspect
import re
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, TypeAlias

import numpy as np

from . import kernels, writes
from .array_types import Array, BoolArray, IntArray
from .checks import check_array
from .kernels.outline import NOTHING, unknown
from .tensor import UINT16, Tensor, check_tensor, is_recording

NO_ARRAYS = frozenset((bool, int, float, str, dict, type(None)))  # types of attributes that hold no arrays


class Op:
    """Base class of all operations. A tape holds the operation objects that ran, each with all that its backward needs.

    A subclass has `forward(*arrays) -> array` and `backward(dy) -> one gradient (or None) for each input`, of the input's shape and
    type. Settings are arguments of its constructor. `forward` stores what backward reads in attributes: they can be printed, backward
    raises if they were overwritten in the meantime, and they are dropped after it. The constructor copies a given array that backward
    reads: the caller may use it again. An operation that writes its result to a given array
    stores that array as `self.out`. Each recorded call needs a new object.
    See examples/custom_op.py."""

    function: ClassVar[str] = ""  # of `minigoog.ops`, which runs it, if it is not named like the class (see `function_name`)
    read_for: ClassVar[dict[str, int]] = {}  # attributes that backward reads for the gradient of one input only: name -> that input
    new_gradients: ClassVar[bool] = False  # whether each gradient is an array of its own, which nothing else uses
    adds_up: ClassVar[bool] = False  # whether backward(dy, accumulate=a) adds the gradient of input 0 to an array, and returns that
    takes_bf16: ClassVar[bool] = False  # whether forward takes and returns maps of bf16 too, as uint16 (see `autocast`)
    overwrites: ClassVar[bool] = False  # whether backward(dy, overwrite=True) writes over `dy`, where nothing else reads it
    layer: Any = None  # the innermost module whose result is this operation's
    network: Any = None  # the outermost one
    freed = False
    inputs: tuple[Tensor, ...] = ()  # the input tensors of the recorded run
    y: Array  # the output of the last run; backward may read it only if forward has set it
    tick = 0  # when the recorded run started: its place on the tape
    ran_at = 0  # when forward ran last: later than `tick` after a replay, else the same

    def __call__(self, *inputs: Tensor) -> Tensor:
        """Runs the operation on tensors and returns its output tensor, which remembers it if a gradient may be needed."""
        recorded = self._check_call(inputs)
        y = Tensor.holding(self.run(*self.arrays(inputs)))
        if recorded:
            self.inputs, self.tick = inputs, self.ran_at
            y.op, y.requires_grad = self, True
            self._watch()
        return y

    def arrays(self, inputs: Sequence[Tensor]) -> list[Array]:
        """What forward takes: the values of the inputs, those of other operations as they are held if it can read bf16."""
        return [x.data if x.op is None or x.held.dtype != UINT16 else self._taken(x.held) for x in inputs]

    def _taken(self, held: Array) -> Array:
        return held if self.takes_bf16 else kernels.bf16.from_bf16(held)

    def run(self, *arrays: Array) -> Array:
        """forward(*arrays), checked; `y` is its result."""
        state = vars(self)
        if "_settings" not in state:
            self._settings = dict(state)  # the constructor's attributes; all others are the record
        state.pop("y", None)
        y = self._computed(arrays)
        if arrays and (arrays[0].base is NOTHING or arrays[-1].base is NOTHING) and state.get("out") is None:
            y = unknown(y.shape)  # what was computed from unknown values means nothing
        if type(y) is not np.ndarray or not arrays or y.dtype is not arrays[0].dtype:  # a quick test first, for speed
            is_bf16 = isinstance(y, np.ndarray) and y.dtype == np.uint16 and (self.takes_bf16 or y is state.get("out"))
            if not is_bf16:
                check_array(f"{self.name}.forward", "y", y)
            if arrays and all(y.dtype != x.dtype for x in arrays) and not is_bf16:
                check_array(f"{self.name}.forward", "y", y, dtype=arrays[0].dtype)
        self._keeps_y = "y" in state
        self.freed, self.ran_at = False, writes.now()
        if not (self._keeps_y and y is state.get("out")):  # else what backward reads is in float32, and `out` perhaps in bf16
            self.y = y
        for a in self.written():
            writes.note(a, self.name, self.ran_at)
        if self.inputs:  # a replay
            self._watch()
        return y

    def _computed(self, arrays: Sequence[Array]) -> Array:
        """forward(*arrays); where that knows no bf16 but `out` is a map of bf16, in float32 first."""
        out = vars(self).get("out")
        if self.takes_bf16 or not isinstance(out, np.ndarray) or out.dtype != np.uint16:
            return self.forward(*arrays)
        self.out = None
        y = self.forward(*arrays)
        self.out = out
        return kernels.bf16.to_bf16(y, out)

    def forward(self, *arrays: Any, **_: Any) -> Array:
        """The output array from the input arrays."""
        raise NotImplementedError(f"{self.name} has no forward()")

    def backward(self, dy: Array) -> Sequence[Array | None]:
        """The gradient with respect to each input, from the gradient with respect to the output; None for those not needed."""
        raise NotImplementedError(f"{self.name} has no backward()")

    def gradients(self, dy: Array, accumulate: Array | None = None, overwrite: bool = False) -> Sequence[Array | None]:
        """backward(dy), checked: one gradient (or None) for each input, of its shape and type.

        accumulate: see `adds_up`. overwrite: whether nothing else reads `dy`; a slice of channels is not overwritten, because the kernels
        that read the result are faster on a dense map."""
        where, given = f"{type(self).__name__}.backward", {} if accumulate is None else {"accumulate": accumulate}
        in_place = overwrite and self.overwrites and dy.flags.c_contiguous
        dxs = self.backward(dy, **given, **({"overwrite": True} if in_place else {}))
        if not isinstance(dxs, (tuple, list)):
            raise TypeError(f"{where}: returned {type(dxs).__name__}, expected a tuple with a gradient (or None) for each input")
        if len(dxs) != len(self.inputs):
            raise ValueError(f"{where}: returned {len(dxs)} gradients, expected {len(self.inputs)}, one (or None) for each input")
        for i, (x, dx) in enumerate(zip(self.inputs, dxs, strict=True)):
            if dx is not None and (type(dx) is not np.ndarray or dx.shape != x.shape or dx.dtype != x.dtype):
                check_array(where, f"gradient of input {i}", dx, dtype=x.dtype, shape=x.shape)
        return dxs

    def needs_grad(self, i: int) -> bool:
        """Whether the gradient of input `i` is needed."""
        return self.inputs[i].requires_grad

    def active_set(self) -> BoolArray | IntArray | None:
        """Which branch each element took, for operations that choose (ReLU, max pooling); else None.

        Where a small step changes a choice, the function has a kink, and its gradient there is a convention."""
        return None

    def note_module(self, module: Any) -> None:
        """Remembers that the result of this operation is that of a module; innermost modules say so first."""
        if self.layer is None:
            self.layer = module
        self.network = module

    def written(self) -> Sequence[Array]:
        """The arrays given to forward that it has written to."""
        out = vars(self).get("out")
        return () if out is None else (out,)

    def kept(self) -> Iterator[tuple[str, Array]]:
        """(name, array) of everything that forward has stored and backward will read."""
        for name, value in vars(self).items():
            if type(value) in NO_ARRAYS:  # for speed
                continue
            if isinstance(value, np.ndarray):
                if self._is_kept(name, value):
                    yield name, value
            elif isinstance(value, (tuple, list)) and name != "inputs":
                found = [a for a in value if isinstance(a, np.ndarray)]
                if found and self._is_kept(name, value):
                    yield from ((name, a) for a in found)

    def _is_kept(self, name: str, value: Any) -> bool:
        """Whether forward has stored this attribute, and backward will read it."""
        is_read = self._keeps_y if name == "y" else name not in self.read_for or self.needs_grad(self.read_for[name])
        return is_read and not (name in self._settings and self._settings[name] is value)

    def check_kept(self) -> None:
        """Raises if anything that forward has stored for backward was overwritten since."""
        for name, a in self.kept():
            if by := writes.since(a, self.ran_at):
                raise RuntimeError(
                    f"backward: {self.name} needs its `{name}` {a.shape} as it was when it ran, but {by} has written to it since: "
                    f"call backward() before that, or run the forward pass again"
                )

    def free(self) -> None:
        """Drops the record, and with it memory that nothing else uses; the settings stay."""
        if "_settings" in vars(self):
            settings = self._settings
            vars(self).clear()
            vars(self).update(settings)
        self.freed = True

    @property
    def name(self) -> str:
        """The name of the operation."""
        return type(self).__name__

    @staticmethod
    def add(a: Array, b: Array, out: Array | None = None) -> Array:
        """a + b, for the tape, which must not import kernels."""
        return kernels.add(a, b, out=out)

    def _watch(self) -> None:
        """Has writes noticed to what backward may read, and to the output, which other operations may read."""
        writes.watch(self.y)
        for _, a in self.kept():
            writes.watch(a)

    def _check_call(self, inputs: tuple[Tensor, ...]) -> bool:
        """Whether a run on these inputs is recorded; raises if they are not tensors or the record would be wrong."""
        requested = False
        for x in inputs:
            if not isinstance(x, Tensor):
                self._refuse(inputs)
            requested = requested or x.requires_grad
        if self.inputs:  # even where nothing is recorded now: forward would overwrite what backward reads
            raise RuntimeError(f"{self.name}: this object holds the record of an earlier call: make a new {self.name} for each call")
        if not requested or not is_recording():
            return False
        for i, x in enumerate(inputs):
            if x.op is not None and not x.op.freed and (by := writes.since(x.held, x.op.ran_at)):
                made = f"input {i} {x.shape}, the output of {x.op.name}"
                raise RuntimeError(f"{self.name}: {made}, has been overwritten by {by}: use the output of {by} instead")
        return True

    def _refuse(self, inputs: tuple[Any, ...]) -> None:
        """TypeError for the first of `inputs` that is not a Tensor, under its name in `forward`."""
        where = function_name(type(self)) if type(self).__module__.startswith("minigoog.") else self.name
        names = [p.name for p in inspect.signature(self.forward).parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
        for i, x in enumerate(inputs):
            check_tensor(where, names[i] if i < len(names) else f"input {i}", x)

    def __repr__(self) -> str:
        if self.freed or "y" not in vars(self):
            return f"{self.name} ({'freed' if self.freed else 'not run'})"
        shapes = ", ".join("x".join(map(str, x.shape)) or "()" for x in self.inputs)
        return f"{self.name:<20} {'x'.join(map(str, self.y.shape)) or '()':<16} from {shapes}"

    @staticmethod
    def html_table(ops: "list[Op]", names: Sequence[str]) -> str:
        """The operations of a tape as a table of HTML; here, because the tape imports nothing."""
        from .html import operations

        return operations(ops, names)


def function_name(kind: type[Op]) -> str:
    """The name of an operation's function in `ops`: max_pool2d of MaxPool2d."""
    return kind.function or re.sub(r"(?<=[a-z0-9])(?=[A-Z][a-z])", "_", kind.__name__).lower()


Key: TypeAlias = Op | int  # of a value: the operation that made it, or id(tensor) for the input


def key_of(tensor: Tensor) -> Key:
    """The key of a tensor's value."""
    return id(tensor) if tensor.op is None else tensor.op
