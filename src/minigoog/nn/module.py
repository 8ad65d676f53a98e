"""Module: a tree of parameters with a forward function."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import FunctionType
from typing import TYPE_CHECKING, Any, Self, TypeVar

import numpy as np

from .. import writes
from ..array_types import Array, BoolArray, Shape
from ..checks import check_array, check_bool
from ..modes import Mode
from ..tensor import Tensor

T = TypeVar("T")
_evaluated: Mode[frozenset["Module"]] = Mode("minigoog_evaluated", frozenset())  # the modules of an evaluation_mode


def check_module(where: str, name: str, module: Any) -> "Module":
    """Returns `module` if it is a Module; else raises."""
    if not isinstance(module, Module):
        raise TypeError(f"{where}: `{name}` is {type(module).__name__}, expected a Module")
    return module


class Parameter(Tensor):
    """A tensor that is trained: a Module finds it among its attributes.

    mask: None, or bools of its shape. Where it is False the weight is pruned: it is 0, has no gradient, and stays 0."""

    _mask: BoolArray | None = None

    def __init__(self, data: "Array | Tensor", requires_grad: bool = True) -> None:
        super().__init__(data.data if isinstance(data, Tensor) else data, requires_grad=requires_grad)
        self.data = np.asarray(self.data, order="C")

    @property
    def mask(self) -> BoolArray | None:
        """Which weights are not pruned; None if all of them may be trained."""
        return self._mask

    @mask.setter
    def mask(self, mask: BoolArray | None) -> None:
        data = self.data  # before anything is set: a StoredParameter becomes a Parameter now
        if mask is not None:
            check_array("Parameter", "mask", mask, dtype=np.bool_, shape=data.shape)
        self._mask = mask
        self.mark_written("a mask")
        if mask is not None and self.grad is not None:
            self.grad = np.asarray(self.grad * mask)

    def mark_written(self, by: str = "a function") -> None:
        """Records that `by` has changed `data` in place, see Tensor; pruned weights are 0 again: momentum, for one, may revive them."""
        if self._mask is not None:
            np.putmask(self.data, ~self._mask, 0)
        super().mark_written(by)

    def said_density(self) -> list[str]:
        """["density=0.1"] if it has a mask, for the settings of a layer."""
        return [] if self._mask is None else [f"density={self._mask.mean():.3g}"]

    def add_gradient(self, gradient: Array, is_new: bool = False) -> None:
        super().add_gradient(*((gradient, is_new) if self._mask is None else (gradient * self._mask, True)))

    def _repr_html_(self) -> str:
        """For notebooks: as for a Tensor; for the filters [h, w, in, out] of a convolution, the maps of the first input channel."""
        from ..html import array

        return array("Parameter", self.data, self.data[None, :, :, 0] if self.ndim == 4 else None)


class Buffer:
    """An array that belongs to a module's state but is not trained, such as a running average; `data` is changed in place."""

    def __init__(self, data: Array) -> None:
        self.data = np.asarray(data, order="C")

    @property
    def shape(self) -> Shape:
        """Lengths of the axes."""
        return self.data.shape

    def mark_written(self, by: str) -> None:
        """Records that `by` has changed `data` in place."""
        writes.note(self.data, by)


def _hides_parts(value: object) -> bool:
    """Whether `value` is a list, tuple, set or dict of modules or parameters, or of such lists."""
    if not isinstance(value, (list, tuple, set, dict)):
        return False
    return any(isinstance(v, (Module, Parameter)) or _hides_parts(v) for v in (value.values() if isinstance(value, dict) else value))


def _check_hides_nothing(module: "Module", name: str, value: object) -> None:
    """ValueError if a part called `name` would take the place of a method or property of its module."""
    if isinstance(getattr(type(module), name, None), (FunctionType, property)):
        kind = type(module).__name__
        raise ValueError(f"{kind}: `{name}` is a method or property of {kind}, expected another name for a {type(value).__name__}")


def _misfit(name: str, given: object, shape: Shape) -> str | None:
    """What is wrong with the array `given` for a parameter of this shape; None if nothing is."""
    try:
        array = np.asarray(given)
    except (TypeError, ValueError):  # a list of lists of different lengths, for one
        return f"`{name}` is {type(given).__name__}, expected an array"
    if array.shape != shape:
        return f"`{name}` has shape {array.shape}, expected {shape}"
    return None if array.dtype.kind == "f" else f"`{name}` is {array.dtype}, expected floats"


class Module:
    """Base of all layers and networks: attributes that are Parameters or Modules are its parts, named after the attribute.

    A subclass sets them in `__init__` and has `forward`; calling the module calls that."""

    _training = True

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...  # for attributes set by `setattr`, such as the modules of a Sequential

    else:  # a type checker that saw it would let attributes of any name be set

        def __setattr__(self, name, value):
            if isinstance(value, (Module, Parameter, Buffer)):
                _check_hides_nothing(self, name, value)
            super().__setattr__(name, value)

    @property
    def training(self) -> bool:
        """Whether the module is in training mode, see `train`; not within a block of `evaluation_mode`."""
        return self._training and not any(self in modules for modules in _evaluated.all())

    @training.setter
    def training(self, mode: bool) -> None:
        self._training = mode

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        y = self.forward(*args, **kwargs)
        for part in y if isinstance(y, tuple) else (y,):  # names on the tape come from here
            # an argument that is returned, as by Identity, stays the result of the module that made it
            if isinstance(part, Tensor) and part.op is not None and not any(part is x for x in args):
                part.op.note_module(self)
        return y

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """The output tensor from the input tensor."""
        raise NotImplementedError(f"{type(self).__name__} has no forward()")

    def named_children(self) -> "Iterator[tuple[str, Module]]":
        """(name, module) of each direct part, in the order in which they were set."""
        for name, value in vars(self).items():
            if isinstance(value, Module):
                yield name, value
            elif _hides_parts(value):
                where, kind = f"{type(self).__name__}.{name}", type(value).__name__
                raise TypeError(f"{where} is a {kind} of modules or parameters, which are not registered: use Sequential or ModuleList")

    def children(self) -> "Iterator[Module]":
        """Each direct part, in the order in which they were set."""
        return (module for _, module in self.named_children())

    def named_modules(self, prefix: str = "") -> "Iterator[tuple[str, Module]]":
        """(dotted name, module) of this module ("") and of all its parts, depth first, each once."""
        return self._walk(prefix, set())

    def _walk(self, prefix: str, seen: set[int]) -> "Iterator[tuple[str, Module]]":
        if id(self) in seen:
            return
        seen.add(id(self))
        yield prefix, self
        for name, child in self.named_children():
            yield from child._walk(f"{prefix}.{name}" if prefix else name, seen)

    def modules(self) -> "Iterator[Module]":
        """This module and all its parts, depth first, each once."""
        return (module for _, module in self.named_modules())

    def _named(self, kinds: type[T] | tuple[type[T], ...]) -> Iterator[tuple[str, T]]:
        """(dotted name, value) of all attributes of these kinds, here and in all parts, each once."""
        seen = set()
        for prefix, module in self.named_modules():
            for name, value in vars(module).items():
                if isinstance(value, kinds) and id(value) not in seen:
                    seen.add(id(value))
                    yield f"{prefix}.{name}" if prefix else name, value

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """(dotted name, Parameter) of all parameters, each once."""
        return self._named(Parameter)

    def parameters(self) -> list[Parameter]:
        """All parameters, in a list."""
        return [parameter for _, parameter in self.named_parameters()]

    def named_buffers(self) -> Iterator[tuple[str, Buffer]]:
        """(dotted name, Buffer) of all buffers, each once."""
        return self._named(Buffer)

    def buffers(self) -> list[Buffer]:
        """All buffers, in a list."""
        return [buffer for _, buffer in self.named_buffers()]

    def _state(self) -> dict[str, Parameter | Buffer]:
        """All parameters and buffers by name."""
        kinds: tuple[type[Parameter | Buffer], ...] = (Parameter, Buffer)
        return dict(self._named(kinds))

    def state_dict(self) -> dict[str, Array]:
        """The arrays of all parameters and buffers by name: the arrays themselves, not copies."""
        return {name: value.data for name, value in self._state().items()}

    def load_state_dict(self, state: Mapping[str, Array], strict: bool = True) -> None:
        """Copies the arrays of `state` into the parameters and buffers of the same names; on an error nothing is changed.

        `strict`: names missing from `state` or unknown here are errors too, not only wrong shapes."""
        if not isinstance(state, Mapping):
            raise TypeError(f"load_state_dict: `state` is {type(state).__name__}, expected a dict of arrays")
        own = self._state()
        wrong = []
        if check_bool("load_state_dict", "strict", strict):
            wrong += [f"missing `{name}`" for name in own if name not in state]
            wrong += [f"unknown `{name}`" for name in state if name not in own]
        wrong += [misfit for name in own.keys() & state.keys() if (misfit := _misfit(name, state[name], own[name].shape))]
        if wrong:
            more = f" and {len(wrong) - 8} more" if len(wrong) > 8 else ""
            raise ValueError(f"load_state_dict: {type(self).__name__} does not fit: {'; '.join(sorted(wrong)[:8])}{more}")
        for name in own.keys() & state.keys():
            own[name].data[...] = state[name]
            own[name].mark_written("load_state_dict")

    def train(self, mode: bool = True) -> Self:
        """Puts this module and all its parts into training mode, or into evaluation mode if `mode` is False; returns the module.

        Dropout, batch normalisation and GoogLeNet's auxiliary heads behave differently in the two."""
        check_bool(f"{type(self).__name__}.train", "mode", mode)
        for module in self.modules():
            module.training = mode
        return self

    def eval(self) -> Self:
        """Puts this module and all its parts into evaluation mode; returns the module."""
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Sets `requires_grad` of all parameters: False freezes them; returns the module."""
        check_bool(f"{type(self).__name__}.requires_grad_", "requires_grad", requires_grad)
        for parameter in self.parameters():
            parameter.requires_grad = requires_grad
        return self

    def zero_grad(self) -> None:
        """Sets the gradients of all parameters to None."""
        for parameter in self.parameters():
            parameter.grad = None

    def multiply_adds(self, x_shape: Shape, y_shape: Shape) -> int:
        """Multiply-adds of this module itself (not its parts) for an input and an output of these shapes."""
        return 0

    def output_channels(self, in_channels: int) -> int:
        """Output channels for an input with `in_channels` channels: the module's `out_channels` if it has them, else `in_channels`."""
        channels: int = getattr(self, "out_channels", in_channels)
        return channels

    def settings(self) -> str:
        """The module's settings for printing, in the form of constructor arguments."""
        return ""

    def __repr__(self) -> str:
        lines = [f"({name}): {child!r}".replace("\n", "\n  ") for name, child in self.named_children()]
        body = "".join(f"\n  {line}" for line in lines)
        return f"{type(self).__name__}({self.settings()}{body}{chr(10) if body else ''})"


@contextmanager
def evaluation_mode(model: Module) -> Iterator[Module]:
    """Within a with-block, `model` is in evaluation mode; afterwards each of its parts is back in its previous mode.

    It applies to this thread (or asynchronous task) only: another may train the same model meanwhile."""
    with _evaluated.within(frozenset(check_module("evaluation_mode", "model", model).modules())):
        yield model
