"""The pickle inside a file of torch.save: where its tensors lie, as data. Nothing is called.

PyTorch describes a tensor as a call of `torch._utils._rebuild_tensor_v2` with a storage, an offset, a shape and strides; a storage is
a key under which its bytes stand elsewhere in the file."""

from typing import Any, ClassVar, NamedTuple

import numpy as np

from ...array_types import Shape
from ...pickles import Reader
from ...text import printable, short, shortened
from ..elements import CODES

STORAGES = {
    "DoubleStorage": "F64", "FloatStorage": "F32", "HalfStorage": "F16", "BFloat16Storage": "BF16", "LongStorage": "I64",
    "IntStorage": "I32", "ShortStorage": "I16", "CharStorage": "I8", "ByteStorage": "U8", "BoolStorage": "BOOL",
}  # fmt: skip
DTYPES = {
    "float64": "F64", "float32": "F32", "float16": "F16", "bfloat16": "BF16", "int64": "I64", "int32": "I32", "int16": "I16",
    "int8": "I8", "uint8": "U8", "uint16": "U16", "uint32": "U32", "uint64": "U64", "bool": "BOOL", "float8_e4m3fn": "F8_E4M3",
    "float8_e5m2": "F8_E5M2", "float8_e8m0fnu": "F8_E8M0", "float8_e4m3fnuz": "F8_E4M3FNUZ", "float8_e5m2fnuz": "F8_E5M2FNUZ",
}  # fmt: skip
ORDERED, TENSOR, PARAMETER = "an ordered dictionary", "a tensor", "a parameter"
SAVE = "torch.save(model.state_dict(), ...)"


class Kind(NamedTuple):
    """A type of elements, or of storages; `name`: of elements.CODES, or "" for a storage of bytes."""

    name: str


class Storage(NamedTuple):
    """`size` elements (of `kind`, or bytes) that the file has under a key; a tensor may use the part from `start` on."""

    kind: Kind
    key: str
    size: int
    start: int = 0

    @property
    def n_bytes(self) -> int:
        return self.size * (np.dtype(CODES[self.kind.name]).itemsize if self.kind.name else 1)


class Stored(NamedTuple):
    """A tensor: elements of a storage, by offset and strides."""

    storage: Storage
    kind: Kind
    offset: int
    shape: Shape
    strides: Shape


class TorchReader(Reader):
    """The interpreter for the pickles of torch.save."""

    foreign: ClassVar[str] = "it holds something other than tensors, numbers and text"
    names: ClassVar = {
        ("collections", "OrderedDict"): ORDERED, ("torch._utils", "_rebuild_parameter"): PARAMETER,
        ("torch.storage", "UntypedStorage"): Kind(""),
        **{("torch._utils", f"_rebuild_tensor{version}"): TENSOR + version for version in ("", "_v2", "_v3")},
        **{("torch", name): Kind(kind) for name, kind in (STORAGES | DTYPES).items()},
    }  # fmt: skip

    def __init__(self, data: bytes, at: int = 0) -> None:
        super().__init__(data, at)
        self.pairs = 0  # of ordered dictionaries, so far
        self.storages: dict[str, Storage] = {}  # by key

    def name(self, module: Any, name: Any) -> None:
        if (module, name) not in self.names:
            raise ValueError(f"{self.foreign}: {_described(module, name)}")
        super().name(module, name)

    def key(self, value: object) -> str | int:
        """An optimizer's state has the numbers of parameters as keys."""
        return value if type(value) is int and 0 <= value < 2**31 else super().key(value)

    def called(self, function: object, arguments: Any) -> object:
        if function is ORDERED:
            return self.ordered(*arguments)
        if function is PARAMETER and isinstance(arguments[0], Stored):
            return arguments[0]
        if isinstance(function, str) and function.startswith(TENSOR):
            return self.tensor(function, *arguments)
        return super().called(function, arguments)

    def ordered(self, pairs: Any = ()) -> dict[str | int, Any]:
        """Python 2 gives an ordered dictionary its items as an argument."""
        self.pairs += len(pairs)
        return {self.key(key): self.finished(value) for key, value in pairs} if self.within(self.pairs) else {}

    def tensor(self, function: str, storage: Any, offset: Any, shape: Any, strides: Any, *more: Any) -> Stored:
        """The tensor of a call; _v3 has its type of elements after `requires_grad` and the hooks."""
        kind = more[2] if function.endswith("_v3") else storage.kind
        if not isinstance(storage, Storage) or not isinstance(kind, Kind) or not kind.name:
            raise ValueError(f"a damaged pickle (a tensor in {short(storage)})")
        for found in (shape, strides):
            if not isinstance(found, tuple) or not all(map(_is_count, found)):
                raise ValueError(f"a damaged pickle (a tensor of shape {short(shape)} and strides {short(strides)})")
        if not _is_count(offset) or len(shape) != len(strides):
            raise ValueError(f"a damaged pickle (a tensor of shape {short(shape)}, strides {short(strides)} and offset {short(offset)})")
        return Stored(storage, kind, offset, shape, strides)

    def persistent(self, key: Any) -> object:
        """A storage: ("storage", type, key, device, size), in the older format with a part of another storage, or None, behind them."""
        _, kind, name, _, size, *part = key
        if self.text_of(key[0]) != "storage":
            raise ValueError(f"it holds a module, with its code; a state dict is read, save it by {SAVE}")
        if not isinstance(kind, Kind) or not _is_count(size):
            raise ValueError(f"a damaged pickle (a storage of {short(size)} elements of {short(kind)})")
        storage = Storage(kind, self.text_of(name), size)
        first = self.storages.setdefault(storage.key, storage)
        if first != storage:
            raise ValueError(f"a damaged pickle (two storages under one key, {short(storage.key)})")
        return storage if not part or part[0] is None else self.part(storage, *part[0])

    def part(self, storage: Storage, _: Any, start: Any, size: Any) -> Storage:
        """A part of a storage."""
        if not _is_count(start) or not _is_count(size) or start + size > storage.size:
            raise ValueError(f"a damaged pickle (a part of {short(size)} elements, from {short(start)} on, of {storage.size})")
        return storage._replace(start=start)

    def set_state(self, made: object, state: Any) -> None:
        """A state dict has the versions of its modules as an attribute, which nothing needs."""
        if type(made) is not dict or type(state) is not dict:
            super().set_state(made, state)

    def finished(self, value: Any) -> Any:
        if isinstance(value, (Storage, Kind)):
            value = None  # as a value it means nothing to a state dict
        return super().finished(value)


def _described(module: object, name: object) -> str:
    """What a name stands for that a state dict does not need, and what to do."""
    text = shortened(printable(f"{module}.{name}"), 80) if isinstance(module, str) and isinstance(name, str) else "an odd one"
    if module == "torch" and text.endswith("Storage"):
        return f"the type {text}, expected one of {', '.join(STORAGES)}"
    return f"the object {text}; a state dict is read, save it by {SAVE}"


def _is_count(n: object) -> bool:
    return type(n) is int and 0 <= n < 2**62
