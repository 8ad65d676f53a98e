"""Concatenation, other shapes, and softmax: operations for which the order of the axes matters."""

from ..formats.graph import NCHW, NHWC
from ..op import Op
from ..ops.concat import Concat
from ..ops.index import Index
from ..ops.linear import Linear
from ..ops.reshape import Reshape
from ..ops.softmax import LogSoftmax, Softmax
from ..ops.transpose import ChannelShuffle, Transpose
from .elementwise import UNARY
from .writer import Unsupported, Writer


def concat(writer: Writer, op: Concat) -> None:
    axis = 1 if op.y.ndim == 4 else op.y.ndim - 1
    writer.done(op, "Concat", [writer.plain(op, i) for i in range(len(op.inputs))], axis=axis)


def reshape(writer: Writer, op: Reshape) -> None:
    before, after = op.inputs[0].shape, op.y.shape
    if not before or not after or (before[0] != after[0] and len(after) < 2):  # rows of several axes are rows of more images
        raise Unsupported(f"{writer.names[op]} changes the number of images, from {before} to {after}")
    if len(before) == 4 and len(after) == 2 and before[0] == after[0] and _only_linear_layers_read(writer, op):
        writer.done(op, "Flatten", [writer.plain(op)], before[1:], axis=1)
        return
    name = writer.plain(op)
    if len(before) == 4:
        name = writer.add(op, "Transpose", [name], part="nhwc", shape=(None, *before[1:]), perm=NHWC)
    sizes = writer.numbers(f"{writer.names[op]}.shape", 0 if before[0] == after[0] else -1, *after[1:])
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
    return all(type(reader) is Linear or (type(reader) in UNARY and _only_linear_layers_read(writer, reader)) for reader in readers)


def softmax(writer: Writer, op: Softmax) -> None:
    writer.done(op, "Softmax", [writer.plain(op)], axis=_channels(op))


def log_softmax(writer: Writer, op: LogSoftmax) -> None:
    writer.done(op, "LogSoftmax", [writer.plain(op)], axis=_channels(op))


def _channels(op: Op) -> int:
    """The axis of the channels."""
    return 1 if op.y.ndim == 4 else op.y.ndim - 1


def transpose(writer: Writer, op: Transpose) -> None:
    axes = op.axes
    if axes[0] != 0:
        raise Unsupported(f"{writer.names[op]} moves the axis of the images: {axes}")
    if len(axes) == 4:  # between maps NCHW
        axes = tuple(NHWC[axes[axis]] for axis in NCHW)
    writer.done(op, "Transpose", [writer.plain(op)], perm=axes)


def channel_shuffle(writer: Writer, op: ChannelShuffle) -> None:
    name, c, g = writer.names[op], op.y.shape[-1], op.groups
    pixels = op.y.shape[1:-1] if op.y.ndim == 4 else ()
    grouped, shuffled = (g, c // g, *pixels), (c // g, g, *pixels)
    axes = (0, 2, 1, *range(3, 3 + len(pixels)))
    split = [writer.plain(op), writer.numbers(f"{name}.groups", 0, *grouped)]
    x = writer.add(op, "Reshape", split, part="split", shape=(None, *grouped))
    x = writer.add(op, "Transpose", [x], part="shuffle", shape=(None, *shuffled), perm=axes)
    writer.done(op, "Reshape", [x, writer.numbers(f"{name}.shape", 0, c, *pixels)])


def index(writer: Writer, op: Index) -> None:
    """Slices and lists of indices, of all axes but that of the images."""
    parts = op.index if isinstance(op.index, tuple) else (op.index,)
    ndim = op.inputs[0].ndim
    for at in [i for i, part in enumerate(parts) if part is ...]:  # one at most; `in` would compare arrays value by value
        parts = (*parts[:at], *[slice(None)] * (ndim - len(parts) + 1), *parts[at + 1 :])
    lists = [(axis, part) for axis, part in enumerate(parts) if isinstance(part, list)]
    if any(not isinstance(part, (slice, list)) for part in parts) or parts[0] != slice(None) or len(lists) > 1:
        raise Unsupported(f"{writer.names[op]} is an index other than slices, or one list, within the images")
    file_axis = NHWC if ndim == 4 else range(ndim)
    name = writer.plain(op)
    if lists and any(part != slice(None) for part in parts if isinstance(part, slice)):
        raise Unsupported(f"{writer.names[op]} is an index of slices and a list")
    for axis, part in lists:
        writer.done(op, "Gather", [name, writer.numbers(f"{writer.names[op]}.indices", *part)], axis=file_axis[axis])
    if not lists:
        slices = [_bounds(part, n) for part, n in zip(parts[1:], op.inputs[0].shape[1:], strict=False)]
        columns = [*zip(*slices, strict=True)] or [(), (), ()]
        arguments = [*zip(("starts", "ends"), columns, strict=False), ("axes", file_axis[1 : len(parts)]), ("steps", columns[2])]
        writer.done(op, "Slice", [name, *(writer.numbers(f"{writer.names[op]}.{role}", *values) for role, values in arguments)])


def _bounds(part: slice, n: int) -> tuple[int, int, int]:
    """Start, end and step of a slice of an axis of this length; a backward one that goes to the first has its end before it."""
    start, end, step = part.indices(n)
    return start, -n - 1 if end < 0 else end, step
