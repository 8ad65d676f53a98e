"""State dicts, which are arrays by name, from a file of PyTorch or of the safetensors format: whichever it is."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from ..reading import open_regular, reading
from . import pth, safetensors


def load(path: str | os.PathLike[str]) -> Mapping[str, NDArray[Any]]:
    """The arrays in a .pth, .pt or .safetensors file, told apart by its first bytes. DamagedFile, naming the file, if it is neither."""
    with reading(path, "not a state dict"), open_regular(path) as file:
        start = file.read(9)
    return safetensors.load(Path(path))[0] if start[8:] == b"{" else pth.load(path)
