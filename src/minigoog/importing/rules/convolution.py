"""Convolutions, and the padding before them."""

import copy
from typing import Any

import numpy as np

from ... import ops
from ...formats.graph import Node
from ...nn import Conv2d
from ..attributes import as_integers, integer, integers, sizes, text
from ..folding import Constant
from ..modules import ConvTranspose2d
from ..pending import Padded, Vector, added
from ..resolver import Resolver, rule
from ..values import NHWC, Slot, Value, image_map
from ..weights import stored
from ..windows import NO_PADS, Pads, Window, window_of


@rule("Conv")
def conv(r: Resolver, node: Node) -> Value:
    """A convolution; what scales and shifts its channels afterwards goes into its weights."""
    x, w, bias = r.value(node), r.constant(node, 1), r.optional(node, 2)
    if w.ndim != 4:
        raise ValueError(f"weights with {w.ndim} axes {w.shape}, expected 4: convolutions over height and width")
    x, pads = _without_padding(x)
    n, c, h, width = _map_shape(x)
    groups = integer(node, "group", 1)
    if groups < 1 or w.shape[0] % groups or w.shape[1] * groups != c:
        raise ValueError(f"weights {w.shape} in {groups} groups on a map with {c} channels")
    top, left, bottom, right = pads
    window = window_of(node, (h + top + bottom, width + left + right), (w.shape[2], w.shape[3]))
    window = window.padded(pads)
    r.check_size((n, h + window.pads[0] + window.pads[2], width + window.pads[1] + window.pads[3], c))
    shape = (n, w.shape[0], window.windows(0, h), window.windows(1, width))

    def finish(scale: Vector, shift: Vector | None) -> int:
        module = r.parts.module(node, node.inputs[1], lambda: _conv2d(w, scale, shift, window, groups))
        return r.step(_with_window(module, window), [r.image(x)], (shape[0], shape[2], shape[3], shape[1]))

    value = r.layer(shape, NHWC, finish, w.shape[0])
    return value if bias is None else shifted(value, bias)


def shifted(value: Value, bias: Constant) -> Value:
    """A layer with its bias as the shift of its channels."""
    pending: Any = value.slot.pending
    if bias.size != pending.scale.size:
        raise ValueError(f"a bias of {bias.size} values, expected {pending.scale.size}")
    return value.at(Slot(pending=pending.then(pending.scale, bias.astype(np.float64).ravel())))


def _conv2d(w: Constant, scale: Vector, shift: Vector | None, window: Window, groups: int) -> Conv2d:
    """The module, its weights HWIO."""
    settings: dict[str, Any] = {"groups": groups, "bias": shift is not None, **window.settings()}
    hwio = w.transpose(2, 3, 1, 0)
    module = Conv2d(w.shape[1] * groups, w.shape[0], window.kernel, init=np.empty, **settings)
    module.weight = stored(hwio, scale, hwio.shape)
    if module.bias is not None:
        module.bias.data[...] = shift
    return module


def _with_window(module: Conv2d, window: Window) -> Conv2d:
    """The module; if its padding follows from the size of the map and that was another when it was made, one that shares its weights."""
    expected = window.settings().get("padding", (0, 0))
    if tuple(module.padding) == expected:
        return module
    other = copy.copy(module)
    other.padding = expected
    return other


def _without_padding(x: Value) -> tuple[Value, Pads]:
    """(what a Pad that nothing else reads pads, how), or the value itself."""
    pending = x.slot.pending
    return (pending.source, pending.pads) if isinstance(pending, Padded) and not x.slot.shared else (x, NO_PADS)


def _map_shape(x: Value) -> tuple[int, int, int, int]:
    """(n, c, h, w) of a map."""
    if len(x.shape) != 4:
        raise ValueError(f"a value with {len(x.shape)} axes {x.shape}, expected 4: images, or maps of images")
    n, c, h, w = x.shape
    return n, c, h, w


@rule("ConvTranspose")
def conv_transpose(r: Resolver, node: Node) -> Value:
    """A transposed convolution; its weights are [in, out / groups, kh, kw] in the file."""
    x, w, bias = r.value(node), r.constant(node, 1), r.optional(node, 2)
    if w.ndim != 4:
        raise ValueError(f"weights with {w.ndim} axes {w.shape}, expected 4: convolutions over height and width")
    n, c, h, width = _map_shape(x)
    groups = integer(node, "group", 1)
    if groups < 1 or w.shape[0] != c or c % groups:
        raise ValueError(f"weights {w.shape} in {groups} groups on a map with {c} channels")
    window = window_of(node, (h, width), (w.shape[2], w.shape[3]))
    extra, pads = _enlarged(node, window, (h, width))
    size = [((h, width)[i] - 1) * window.stride[i] + window.extent(i) + extra[i] - pads[i] - pads[i + 2] for i in (0, 1)]
    if min(size) < 1:
        raise ValueError(f"an output of {size[0]}x{size[1]} pixels")
    out = w.shape[1] * groups

    def finish(scale: Vector, shift: Vector | None) -> int:
        cropped = pads[:2] != pads[2:]
        full = [size[i] + pads[i] + pads[i + 2] for i in (0, 1)] if cropped else size
        settings: dict[str, Any] = {"stride": window.stride, "groups": groups, "output_padding": extra}
        settings |= {} if window.dilation == (1, 1) else {"dilation": window.dilation}
        settings |= {} if cropped else {"padding": pads[:2]}
        module = r.parts.module(node, node.inputs[1], lambda: _transposed(w, scale, added(scale, shift), groups))
        y = r.step(module, [r.image(x)], (n, *full, out), **settings)
        return _crop(r, y, pads, (n, *size, out)) if cropped else y

    value = r.layer((n, out, *size), NHWC, finish, out)
    return value if bias is None else shifted(value, bias)


def _transposed(w: Constant, scale: Vector, shift: Vector, groups: int) -> ConvTranspose2d:
    """The module, its weights [kh, kw, out / groups, in]."""
    by_group = w.reshape(groups, -1, *w.shape[1:]) * scale.reshape(groups, 1, -1, 1, 1)
    return ConvTranspose2d(np.ascontiguousarray(by_group.reshape(w.shape).transpose(2, 3, 1, 0)), shift)


def _enlarged(node: Node, window: Window, size: tuple[int, int]) -> tuple[tuple[int, int], Pads]:
    """(output padding, padding) of a transposed convolution; both follow from `output_shape` or SAME where these are given."""
    extra, pads, how = sizes(node, "output_padding", (0, 0), 0), sizes(node, "pads", NO_PADS, 0), text(node, "auto_pad", "NOTSET")
    wanted = integers(node, "output_shape")
    if wanted is None and how.startswith("SAME"):
        wanted = (size[0] * window.stride[0], size[1] * window.stride[1])
    if wanted is None:
        return (extra[0], extra[1]), (pads[0], pads[1], pads[2], pads[3])
    if len(wanted) != 2:
        raise ValueError(f"`output_shape` is {wanted}, expected two integers")
    total = [(size[i] - 1) * window.stride[i] + extra[i] + window.extent(i) - wanted[i] for i in (0, 1)]
    added = [max(0, -n) if "output_shape" in node.attributes else 0 for n in total]  # SAME crops only, as in ONNX Runtime
    both = [max(0, n) for n in total]
    first = [n // 2 for n in both] if how == "SAME_UPPER" else [n - n // 2 for n in both]
    return (extra[0] + added[0], extra[1] + added[1]), (first[0], first[1], both[0] - first[0], both[1] - first[1])


def _crop(r: Resolver, y: int, pads: Pads, shape: tuple[int, ...]) -> int:
    """A step that takes the pixels within the padding."""
    rows, columns = slice(pads[0], pads[0] + shape[1]), slice(pads[1], pads[1] + shape[2])
    return r.step(ops.index, [y], shape, index=(slice(None), rows, columns))


@rule("Pad")
def pad(r: Resolver, node: Node) -> Value:
    """Rows and columns around a map; zeros may become the padding of the convolution that reads them."""
    x = r.value(node)
    n, c, h, w = _map_shape(x)
    ends = integers(node, "pads") if r.opset < 11 else as_integers(r.constant(node, 1))
    pads, mode = _spatial(ends, r, node), text(node, "mode", "constant")
    value = float(node.attributes.get("value", 0.0)) if r.opset < 11 else _number(r.optional(node, 2))
    if mode not in ("constant", "reflect", "edge"):
        raise ValueError(f"`mode` is {mode[:40]!r}, expected constant, reflect or edge")
    top, left, bottom, right = pads
    shape = (n, h + top + bottom, w + left + right, c)
    if min(pads) < 0:
        return _cut(r, node, x, pads, shape)

    def make() -> int:
        slot = r.add(node, ops.pad, [r.image(x)], shape, padding=pads, value=value, mode=mode)
        assert slot.index is not None
        return slot.index

    zeros = mode == "constant" and value == 0
    slot = Slot(pending=Padded(make, x, pads)) if zeros else Slot(make())
    return image_map(slot, *shape)


def _cut(r: Resolver, node: Node, x: Value, pads: Pads, shape: tuple[int, ...]) -> Value:
    """Negative padding: rows and columns that are left out."""
    if max(pads) > 0 or min(shape[1:3]) < 1:
        raise ValueError(f"pads {pads}, expected all from 0 on, or all up to 0")
    rows, columns = slice(-pads[0], -pads[0] + shape[1]), slice(-pads[1], -pads[1] + shape[2])
    n, h, w, c = shape
    return image_map(r.add(node, ops.index, [r.image(x)], shape, index=(slice(None), rows, columns)), n, h, w, c)


def _number(value: Constant | None) -> float:
    return 0.0 if value is None or not value.size else float(value.ravel()[0])


def _spatial(ends: tuple[int, ...] | None, r: Resolver, node: Node) -> Pads:
    """(top, left, bottom, right) from a list of all starts, then all ends, of the axes given or of all four."""
    axes = as_integers(r.constant(node, 3)) if r.has(node, 3) else (0, 1, 2, 3)
    if ends is None or len(ends) != 2 * len(axes) or max(map(abs, ends), default=0) > 1 << 20:
        raise ValueError(f"pads {ends} for {len(axes)} axes")
    around = {axis % 4: (ends[i], ends[i + len(axes)]) for i, axis in enumerate(axes)}
    if any(around.get(axis, (0, 0)) != (0, 0) for axis in (0, 1)):
        raise ValueError("padding of images or channels is not supported, expected that of rows and columns")
    (top, bottom), (left, right) = around.get(2, (0, 0)), around.get(3, (0, 0))
    return top, left, bottom, right
