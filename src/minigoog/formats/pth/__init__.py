"""Files of torch.save: state dicts, as dictionaries of NumPy arrays. No code in the file is run, and PyTorch is not needed.

`load` reads both formats: a zip archive (PyTorch 1.6 and newer), and the one before it, several pickles and then the numbers."""

import os
from collections.abc import Mapping
from io import BufferedReader
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...reading import DamagedFile, known_kind, open_regular, reading
from ...text import listed
from . import legacy
from .archive import LOCAL, Archive
from .pickled import SAVE, Storage, Stored, TorchReader
from .tensors import arrays

WRONG = "not a state dict of PyTorch"
WRAPPERS = ("state_dict", "model_state_dict", "model", "model_state", "net", "network", "weights", "params")
PREFIXES = ("module.", "_orig_mod.")  # of names: DataParallel, torch.compile
DEEPEST = 4  # dictionaries around a state dict
PICKLE = b"\x80"
ORDERS = {b"little": "<", b"big": ">"}


def load(path: str | os.PathLike[str]) -> dict[str, NDArray[Any]]:
    """The state dict in a file of torch.save; DamagedFile, naming the file and the problem, for anything else.

    A checkpoint that has it among other things ({"state_dict": ..., "epoch": ...}) is one too; the prefix "module." of DataParallel is
    removed from its names. Arrays keep their type (bfloat16 and floats of 8 bits become float32), layout (OIHW) and strides, and may
    share memory: they are not to be written to."""
    path = Path(path)
    with reading(path, WRONG), open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        start = file.read(8)
        if start[:4] == LOCAL:
            return _from_zip(Archive(file, size), size)
        if start[:1] != PICKLE:
            raise DamagedFile(f"{path}: {WRONG}: it is {known_kind(start) or 'something else'}, expected a file of torch.save")
        return _from_legacy(file, size)


def _from_zip(archive: Archive, size: int) -> dict[str, NDArray[Any]]:
    found = [name for name in archive.members if name.count("/") == 1 and name.endswith("/data.pkl")]
    if len(found) != 1:
        raise ValueError("it is a zip archive of something else, without data.pkl")
    folder = found[0].removesuffix("data.pkl")
    if any(name.startswith((f"{folder}code/", f"{folder}constants.pkl")) for name in archive.members):
        raise ValueError(f"it is a TorchScript archive, a program; a state dict is read, save it by {SAVE}")
    order = archive.read(f"{folder}byteorder").tobytes() if f"{folder}byteorder" in archive.members else b"little"
    if order not in ORDERS:
        raise ValueError(f"its byte order is {order[:20]!r}, expected little or big")
    stored = _state_dict(TorchReader(archive.read(found[0]).tobytes()).load())

    def read(storage: Storage) -> NDArray[np.uint8]:
        return archive.read(f"{folder}data/{storage.key}")

    return arrays(stored, read, ORDERS[order], size)


def _from_legacy(file: BufferedReader, size: int) -> dict[str, NDArray[Any]]:
    file.seek(0)
    value, read = legacy.load(file.read())
    return arrays(_state_dict(value), read, "<", size)


def _state_dict(value: Any) -> Mapping[str, Stored]:
    """The tensors by name in what was saved."""
    for _ in range(DEEPEST):
        if not isinstance(value, dict):
            what = "one tensor" if isinstance(value, Stored) else f"a {type(value).__name__}"
            raise ValueError(f"it holds {what}, expected a state dict: save it by {SAVE}")
        inner = next((value[name] for name in WRAPPERS if _has_tensors(value.get(name))), None)
        if inner is None and not _tensors(value):
            inner = _only(value)
        if inner is None:
            return _without_prefixes(_tensors(value))
        value = inner
    raise ValueError("its state dict is nested too deeply")


def _tensors(value: Mapping[Any, Any]) -> dict[str, Stored]:
    return {name: tensor for name, tensor in value.items() if isinstance(name, str) and isinstance(tensor, Stored)}


def _has_tensors(value: object, deep: int = 2) -> bool:
    """True for a state dict, and for a dictionary with one under a usual name."""
    if not isinstance(value, dict):
        return False
    return bool(_tensors(value)) or (deep > 0 and any(_has_tensors(value.get(name), deep - 1) for name in WRAPPERS))


def _only(value: Mapping[Any, Any]) -> Any:
    """The only dictionary of tensors in a dictionary."""
    found = [name for name, inner in value.items() if isinstance(inner, dict) and _tensors(inner)]
    if len(found) != 1:
        what = f"{len(found)} dictionaries of tensors ({listed(found)})" if found else "no tensors"
        raise ValueError(f"it has {what}, expected a state dict: save it by {SAVE}")
    return value[found[0]]


def _without_prefixes(stored: dict[str, Stored]) -> dict[str, Stored]:
    for prefix in PREFIXES:
        if all(name.startswith(prefix) for name in stored):
            stored = {name.removeprefix(prefix): tensor for name, tensor in stored.items()}
    return stored
