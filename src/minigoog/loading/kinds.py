"""What kind of file of weights a file is, by its content."""

import os
from pathlib import Path

from ..reading import DamagedFile, known_kind, open_regular, reading
from ..text import printable

KINDS = {"safetensors": "safetensors", "onnx": "ONNX", "caffe": "Caffe", "pth": "PyTorch"}
SUFFIXES = {".safetensors": "safetensors", ".onnx": "onnx", ".caffemodel": "caffe", ".pth": "pth", ".pt": "pth"}
EXPECTED = "expected a run, or a file of weights: .safetensors, .onnx, .caffemodel, .pth or .pt"
ZIP, PICKLES = b"PK\3\4", tuple(b"\x80" + bytes([protocol]) for protocol in range(2, 6))
FIRST_KEYS = {  # of a protobuf message: field number << 3 | type
    b"\x08": "onnx",  # ir_version
    b"\x0a": "caffe", b"\x12": "caffe", b"\xa2\x06": "caffe",  # name, layers (V1), layer (V2)
}  # fmt: skip


def kind_of(path: Path) -> str:
    """One of KINDS; DamagedFile, saying what else the file is, for any other.

    A name that ends with one of SUFFIXES decides where the content leaves it open: the first bytes of ONNX's and Caffe's files are keys
    of a message, which other files may begin with too."""
    with reading(path, "not a file of weights", EXPECTED), open_regular(path) as file:
        start, size = file.read(16), os.fstat(file.fileno()).st_size
    by_name = SUFFIXES.get(path.suffix.lower(), "")
    if start.startswith((ZIP, *PICKLES)) and path.suffix.lower() not in (".zip", ".npz"):
        return "pth"
    if len(start) > 8 and int.from_bytes(start[:8], "little") < size and start[8:9] == b"{":
        return "safetensors"
    known = known_kind(start)
    if by_name and (not known or known == "text" and by_name != "safetensors"):
        return by_name  # whose reader says what is wrong with it
    if by_name == "safetensors":
        return by_name
    for first, kind in FIRST_KEYS.items():
        if start.startswith(first) and not known:
            return kind
    raise DamagedFile(f"{printable(path)}: {f'it is {known}' if known else 'its kind is not known'}, {EXPECTED}")
