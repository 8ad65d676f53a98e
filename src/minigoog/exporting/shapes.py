"""Concatenation, other shapes, and softmax: operations for which the order of the axes matters."""

from ..op import Op
from ..ops.concat import Concat
from ..ops.linear import Linear
from ..ops.relu import LeakyReLU, ReLU, Tanh
from ..ops.reshape import Reshape
from ..ops.softmax import Softmax
from .writer import NCHW, NHWC, Unsupported, Writer

KEEP_ORDER = (ReLU, LeakyReLU, Tanh)  # after which a row is still the map that it was made of


def concat(writer: Writer, op: Concat) -> None:
    axis = 1 if op.y.ndim == 4 else op.y.ndim - 1
    writer.done(op, "Concat", [writer.plain(op, i) for i in range(len(op.inputs))], axis=axis)


def reshape(writer: Writer, op: Reshape) -> None:
    before, after = op.inputs[0].shape, op.y.shape
    if not before or not after or before[0] != after[0]:
        raise Unsupported(f"{writer.names[op]} changes the number of images, from {before} to {after}")
    if len(before) == 4 and len(after) == 2 and _only_linear_layers_read(writer, op):
        writer.done(op, "Flatten", [writer.plain(op)], before[1:], axis=1)
        return
    name = writer.plain(op)
    if len(before) == 4:
        name = writer.add(op, "Transpose", [name], part="nhwc", shape=(None, *before[1:]), perm=NHWC)
    sizes = writer.numbers(f"{writer.names[op]}.shape", 0, *after[1:])
    if len(after) != 4:
        writer.done(op, "Reshape", [name, sizes])
        return
    name = writer.add(op, "Reshape", [name, sizes], part="reshaped", shape=(None, *after[1:]))
    writer.done(op, "Transpose", [name], perm=NCHW)


def _only_linear_layers_read(writer: Writer, op: Op) -> bool:
    """Whether the row is read by linear layers only, whose weights can follow the order of the file."""
    readers = writer.readers.get(op, [])
    if op in writer.results:
        return False
    return all(type(reader) is Linear or (type(reader) in KEEP_ORDER and _only_linear_layers_read(writer, reader)) for reader in readers)


def softmax(writer: Writer, op: Softmax) -> None:
    writer.done(op, "Softmax", [writer.plain(op)], axis=1 if op.y.ndim == 4 else op.y.ndim - 1)
