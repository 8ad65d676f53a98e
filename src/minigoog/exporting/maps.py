"""Local response normalisation, padding and resizing of maps."""

from typing import Any

import numpy as np

from ..ops.lrn import LRN
from ..ops.pad import Pad
from ..ops.resize import Resize
from .writer import Writer


def lrn(writer: Writer, op: LRN) -> None:
    writer.done(op, "LRN", [writer.plain(op)], size=op.size, alpha=op.alpha, beta=op.beta, bias=op.k)


def pad(writer: Writer, op: Pad) -> None:
    top, left, bottom, right = op.padding
    name = writer.names[op]
    inputs = [writer.plain(op), writer.numbers(f"{name}.pads", 0, 0, top, left, 0, 0, bottom, right)]
    if op.mode == "constant" and op.value:
        inputs.append(writer.constant(f"{name}.value", np.array(op.value, np.float32)))
    writer.done(op, "Pad", inputs, mode=op.mode)


def resize(writer: Writer, op: Resize) -> None:
    """By the sizes; by the factors if the operation was given other ones than the sizes' quotients.

    The number of images and channels is taken from the map's own shape. The sizes of two axes alone, as of opset 18, would say the same,
    but ONNX Runtime 1.32 does not load a Resize by these behind a Transpose that it moves."""
    name, x = writer.names[op], writer.plain(op)
    attributes: dict[str, Any] = {"mode": op.mode, "coordinate_transformation_mode": op.coordinates}
    attributes |= {"nearest_mode": op.rounding} if op.mode == "nearest" else {}
    if op.scale is not None:
        scales = writer.constant(f"{name}.scales", np.array([1, 1, *op.scale], np.float32))
        writer.done(op, "Resize", [x, "", scales], **attributes)
        return
    shape = writer.add_integers(op, "Shape", [x], "shape")
    ends = [writer.numbers(f"{name}.{end}", axis) for end, axis in (("first", 0), ("height", 2))]
    kept = writer.add_integers(op, "Slice", [shape, *ends], "kept")
    sizes = writer.add_integers(op, "Concat", [kept, writer.numbers(f"{name}.size", *op.output_size)], "sizes", axis=0)
    writer.done(op, "Resize", [x, "", "", sizes], **attributes)
