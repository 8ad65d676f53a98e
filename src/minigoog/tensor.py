"""A tensor: an array, its gradient, and the operation that made it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, SupportsIndex

import numpy as np

from . import writes
from .array_types import Array, Scalar, Shape
from .checks import check_bool, check_choice
from .modes import Mode
from .tape import Tape

if TYPE_CHECKING:
    from .op import Op

_recording = Mode("minigoog_recording", True)
_precision = Mode("minigoog_precision", "float32")
PRECISIONS = ("float32", "bf16")
UINT16 = np.dtype(np.uint16)  # of the bits of bf16; comparing a dtype with np.uint16 takes several times as long
OPERATORS: dict[str, Callable[..., Tensor]] = {}  # the functions of Tensor's operators; filled by minigoog.ops, which imports Tensor


def no_grad() -> AbstractContextManager[None]:
    """Within a with-block, operations are not recorded: less memory, no backward.

    It applies to this thread (or asynchronous task) only; a new thread starts with recording on. A generator that is suspended
    inside the block leaves recording off for its caller until the block ends."""
    return _recording.within(False)


def recording() -> AbstractContextManager[None]:
    """Within a with-block, operations are recorded, also inside a block of `no_grad`: for functions that need a tape of their own."""
    return _recording.within(True)


def is_recording() -> bool:
    """Whether operations are recorded for backward(), in this thread."""
    return _recording.get()


def autocast(precision: str) -> AbstractContextManager[None]:
    """Within a with-block, operations compute in `precision`: "bf16" or "float32".

    In "bf16" convolutions multiply numbers of bf16, the upper half of a float32, and sum in float32; weights, gradients and all other
    operations stay float32. What a convolution with ReLU or a max pool makes is held in bf16, which takes half of the memory; the `data` of
    such a Tensor is a float32 copy. backward() needs no block. It applies to this thread (or asynchronous task) only."""
    return _precision.within(check_choice("autocast", "precision", precision, PRECISIONS))


def is_bf16() -> bool:
    """Whether operations compute in bf16, in this thread."""
    return _precision.get() == "bf16"


def check_tensor(where: str, name: str, x: Any) -> Tensor:
    """Returns `x` if it is a Tensor; else raises."""
    if not isinstance(x, Tensor):
        raise TypeError(f"{where}: `{name}` is {type(x).__name__}, expected a Tensor: minigoog.Tensor({name})")
    return x


def _from_python(data: Any) -> Array:
    """Numbers and lists of numbers as float32; NumPy scalars keep their type."""
    a = np.asarray(data)
    return a.astype(np.float32) if a.dtype == np.float64 and not isinstance(data, np.generic) else a


class Tensor:
    """`data`, a NumPy array of floats; `grad`, its gradient after backward(); `op`, the operation that made it (or None).

    Lists and integers become float32. Feature maps are NHWC: images x height x width x channels.

    backward() raises if an array that it needs was overwritten by an operation with `out`, an optimizer or load_state_dict.
    Writes to `data` by NumPy are not detected: after such a write, run the forward pass again before backward(), or call
    `mark_written()`."""

    __slots__ = ("grad", "held", "op", "requires_grad")
    __array_ufunc__ = None  # makes array * tensor call Tensor.__rmul__, and np.exp(tensor) an error instead of losing the gradient

    held: Array  # the values as they are held: `data`, or the bits of bf16, as uint16 (see `autocast`)
    grad: Array | None
    op: Op | None
    requires_grad: bool

    def __init__(self, data: Any, requires_grad: bool = False):
        if isinstance(data, Tensor):
            raise TypeError(f"{type(self).__name__}: `data` is a Tensor already; x.detach() makes a new one with the same array")
        data = data if isinstance(data, np.ndarray) else _from_python(data)
        if data.dtype.kind in "biu":
            data = data.astype(np.float32)
        if data.dtype not in (np.float32, np.float64):
            raise TypeError(f"{type(self).__name__}: `data` is {data.dtype}, expected float32, float64 or integers")
        if requires_grad is not False:
            check_bool(type(self).__name__, "requires_grad", requires_grad)
        self.held, self.grad, self.op, self.requires_grad = data, None, None, requires_grad

    @classmethod
    def holding(cls, values: Array) -> Tensor:
        """A tensor that holds `values` as they are: floats, or the bits of bf16."""
        found = cls.__new__(cls)
        found.held, found.grad, found.op, found.requires_grad = values, None, None, False
        return found

    @property
    def data(self) -> Array:
        """The values: the array itself, or, if it is held in bf16, a copy in float32."""
        held = self.held
        return held if held.dtype != UINT16 else (held.astype(np.uint32) << 16).view(np.float32)

    @data.setter
    def data(self, values: Array) -> None:
        self.held = values

    @property
    def shape(self) -> Shape:
        """The size of each axis."""
        return self.held.shape

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return self.held.ndim

    @property
    def size(self) -> int:
        """Number of values."""
        return self.held.size

    @property
    def dtype(self) -> np.dtype[Any]:
        """float32, or float64 on the reference kernels."""
        return self.held.dtype if self.held.dtype != UINT16 else np.dtype(np.float32)

    def __repr__(self) -> str:
        made_by = f", op={self.op.name}" if self.op else ", requires_grad=True" if self.requires_grad else ""
        return f"Tensor({np.array2string(self.data, precision=4, threshold=20, prefix='Tensor(')}{made_by})"

    def __format__(self, spec: str) -> str:
        """f"{loss:.3f}": a tensor of one value as that number."""
        return format(self.item() if spec and self.size == 1 else repr(self), spec)

    def _repr_html_(self) -> str:
        """For notebooks: shape, statistics, and pictures of the maps of one image."""
        from .html import array

        return array(f"{type(self).__name__} of {self.op.name}" if self.op else type(self).__name__, self.data)

    # ---- its values, without history ----

    def numpy(self) -> Array:
        """The array itself, not a copy."""
        return self.data

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return np.array(self.data, dtype=dtype, copy=copy)

    def item(self) -> float:
        """The value of a tensor with one value, as a Python number."""
        return float(self.data.item())

    def __float__(self) -> float:
        return self.item()

    def __bool__(self) -> bool:
        return bool(self.data)

    def __len__(self) -> int:
        return len(self.data)

    def detach(self) -> Tensor:
        """A tensor with the same array and no history."""
        return Tensor(self.data)

    def mark_written(self, by: str = "a function") -> None:
        """Records that `by` has changed `data` in place, so that a later backward() that needs the old values raises."""
        writes.note(self.data, by)

    # ---- operators: each a recorded operation of minigoog.ops ----

    def __add__(self, other: Tensor | Scalar) -> Tensor:
        return OPERATORS["add"](self, other)

    def __radd__(self, other: Tensor | Scalar) -> Tensor:
        return OPERATORS["add"](self, other)

    def __sub__(self, other: Tensor | Scalar) -> Tensor:
        return OPERATORS["sub"](self, other)

    def __rsub__(self, other: Tensor | Scalar) -> Tensor:
        return OPERATORS["sub"](other, self)

    def __mul__(self, other: Tensor | Scalar) -> Tensor:
        return OPERATORS["mul"](self, other)

    def __rmul__(self, other: Tensor | Scalar) -> Tensor:
        return OPERATORS["mul"](self, other)

    def __truediv__(self, other: Tensor | Scalar) -> Tensor:
        return OPERATORS["div"](self, other)

    def __rtruediv__(self, other: Tensor | Scalar) -> Tensor:
        return OPERATORS["div"](other, self)

    def __pow__(self, exponent: Scalar) -> Tensor:
        return OPERATORS["power"](self, exponent)

    def __neg__(self) -> Tensor:
        return OPERATORS["neg"](self)

    def __matmul__(self, w: Tensor) -> Tensor:
        return OPERATORS["linear"](self, w)

    def __getitem__(self, index: Any) -> Tensor:
        return OPERATORS["index"](self, index)

    def __iter__(self) -> Iterator[Tensor]:
        return (self[i] for i in range(len(self)))

    # ---- what would do something else than it does to arrays ----

    __hash__ = object.__hash__

    def __eq__(self, other: object) -> bool:
        """Whether `other` is this tensor itself, for lists and dicts of tensors; TypeError for numbers and arrays."""
        if isinstance(other, (int, float, complex, np.generic, np.ndarray, list, tuple)):
            raise TypeError(f"Tensor: == with {type(other).__name__} does not compare values, use x.data == ...")
        return self is other

    def __contains__(self, value: object) -> bool:
        raise TypeError("Tensor: `in` does not compare values, use ... in x.data")

    def _in_place(self, other: Tensor | Scalar) -> Any:
        if self.requires_grad and self.op is None:  # what an optimizer has would stay as it is
            raise TypeError("Tensor: += and the like do not change a parameter, use x.data += ... and x.mark_written()")
        return NotImplemented  # x += y is x = x + y

    __iadd__ = __isub__ = __imul__ = __itruediv__ = __ipow__ = __imatmul__ = _in_place

    def sum(self) -> Tensor:
        """The sum of all values, as a tensor of one value."""
        return OPERATORS["sum"](self)

    def mean(self) -> Tensor:
        """The mean of all values, as a tensor of one value."""
        return OPERATORS["mean"](self)

    def reshape(self, *shape: SupportsIndex | tuple[int, ...]) -> Tensor:
        """The same values in another shape: x.reshape(2, 3) or x.reshape((2, 3)); one length may be -1: what is left over."""
        return OPERATORS["reshape"](self, shape[0] if len(shape) == 1 and isinstance(shape[0], (tuple, list)) else shape)

    def flatten(self, start_dim: int = 0) -> Tensor:
        """The axes from `start_dim` on as one: x.flatten() has one axis, x.flatten(1) is [n, everything else]."""
        return OPERATORS["flatten"](self, start_dim)

    # ---- backward ----

    def tape(self) -> Tape:
        """The operations that computed this tensor, oldest first: a Tape to print, iterate over and step through."""
        return Tape(self)

    def backward(self, grad: Array | Tensor | None = None, retain_graph: bool = False) -> None:
        """Adds the gradient of this tensor, weighted by `grad` (1 for a single value), to `.grad` of every leaf that requires one.

        Frees each operation's record as soon as it is used; `retain_graph` keeps them for another backward()."""
        if not self.requires_grad:
            raise RuntimeError("backward: no input of this tensor requires a gradient (or it was computed under no_grad)")
        tape = Tape(self)
        dy = self.output_gradient(grad)
        if self.op is None:
            self.add_gradient(dy)
        for op, dy_op, dxs in tape.backward_steps(dy, in_place=True):
            del dy_op, dxs  # their memory serves the next operation
            if not retain_graph:
                op.free()

    def add_gradient(self, gradient: Array, is_new: bool = False) -> None:
        """Adds `gradient`, an array of this tensor's shape, to `.grad`. is_new: nothing else uses that array."""
        if self.grad is not None:
            gradient, is_new = self.grad + gradient, True
        self.grad = np.asarray(gradient if is_new else gradient.copy())  # sums and products of 0-d arrays are NumPy scalars

    def output_gradient(self, grad: Array | Tensor | None = None) -> Array:
        """`grad` as an array of this tensor's shape, checked; 1 if it is None and this is a single value."""
        if grad is None:
            if self.size != 1:
                raise ValueError(f"backward: `grad` is missing: a tensor of shape {self.shape}, not one value, needs one of that shape")
            return np.ones_like(self.data)
        try:
            dy: Array = np.asarray(grad.data if isinstance(grad, Tensor) else grad, dtype=self.dtype)
        except (TypeError, ValueError):
            raise TypeError(f"backward: `grad` is {type(grad).__name__}, expected an array of numbers") from None
        if dy.shape != self.shape:
            raise ValueError(f"backward: `grad` has shape {dy.shape}, expected {self.shape}")
        return dy
