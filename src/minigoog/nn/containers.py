"""Modules made of modules: one after the other, side by side, or in a list."""

from collections.abc import Iterable, Iterator
from operator import index

from .. import ops
from ..array_types import Array
from ..tensor import Tensor
from .module import Module, check_module


class _Container(Module):
    """Modules in order: those without a name are called 0, 1, ..."""

    def __init__(self, *modules: Module, **named: Module) -> None:
        if not modules and not named:
            raise ValueError(f"{type(self).__name__}: no modules, expected at least one")
        for name, module in [*((str(i), m) for i, m in enumerate(modules)), *named.items()]:
            self._register(name, module)

    def _register(self, name: str, module: Module) -> None:
        if "." in name or name.startswith("_") or name in vars(self):
            wrong = "taken" if name in vars(self) else "no name for a module"
            raise ValueError(f"{type(self).__name__}: `{name}` is {wrong}, expected one of its own, without dots or an underscore in front")
        setattr(self, name, check_module(type(self).__name__, name, module))

    def _parts(self) -> list[Module]:
        """The modules: the same as `children()`, but several times faster, because every forward pass calls this."""
        return [value for value in vars(self).values() if isinstance(value, Module)]

    def __len__(self) -> int:
        return len(self._parts())

    def __iter__(self) -> Iterator[Module]:
        return iter(self._parts())

    def __getitem__(self, i: int) -> Module:
        return self._parts()[index(i)]


class Sequential(_Container):
    """Modules one after the other: Sequential(a, b) names them 0 and 1; Sequential(reduce=a, conv=b) reduce and conv."""

    def forward(self, x: Tensor, out: Array | None = None) -> Tensor:
        *first, last = self._parts()
        for module in first:
            x = module(x)
        y: Tensor = last(x) if out is None else last(x, out=out)
        return y

    def output_channels(self, in_channels: int) -> int:
        for module in self._parts():
            in_channels = module.output_channels(in_channels)
        return in_channels


class Branches(_Container):
    """Modules side by side over one input, their output channels concatenated: named as in Sequential.

    Each branch writes into its slice of the output, so nothing is copied: its `forward` takes `out`, and it has `out_channels`, or
    as many output channels as input channels, like a pool."""

    def forward(self, x: Tensor, out: Array | None = None) -> Tensor:
        whole, slices = ops.channel_slices(x, self.widths(x.shape[-1]))
        y = ops.concat([branch(x, out=part) for branch, part in zip(self._parts(), slices, strict=True)], whole)
        return y if out is None else ops.concat([y], out)

    def widths(self, in_channels: int) -> list[int]:
        """Output channels of each branch for an input with `in_channels` channels."""
        return [branch.output_channels(in_channels) for branch in self._parts()]

    def output_channels(self, in_channels: int) -> int:
        return sum(self.widths(in_channels))


class ModuleList(_Container):
    """Modules in a list, for a `forward` that calls them itself: ModuleList([a, b])."""

    def __init__(self, modules: Iterable[Module] = ()) -> None:
        for module in modules:
            self.append(module)

    def append(self, module: Module) -> "ModuleList":
        """Adds a module at the end; returns the list."""
        self._register(str(len(self)), module)
        return self
