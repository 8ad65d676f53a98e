"""Convolutions, and transposed ones."""

import copy
from typing import Any

import numpy as np

from ... import ops
from ...formats.graph import Node
from ...nn import Conv2d
from ..attributes import integer, integers, sizes, text
from ..folding import Constant
from ..modules import ConvTranspose2d
from ..pending import Vector, added
from ..resolver import Resolver, rule
from ..values import NHWC, Slot, Value, map_shape
from ..weights import stored
from ..windows import NO_PADS, Pads, Window, window_of
from .padding import without_padding


@rule("Conv")
def conv(r: Resolver, node: Node) -> Value:
    """A convolution; what scales and shifts its channels afterwards goes into its weights."""
    x, w, bias = r.value(node), r.constant(node, 1), r.optional(node, 2)
    if w.ndim != 4:
        raise ValueError(f"weights with {w.ndim} axes {w.shape}, expected 4: convolutions over height and width")
    x, pads = without_padding(x)
    n, c, h, width = map_shape(x)
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


@rule("ConvTranspose")
def conv_transpose(r: Resolver, node: Node) -> Value:
    """A transposed convolution; its weights are [in, out / groups, kh, kw] in the file."""
    x, w, bias = r.value(node), r.constant(node, 1), r.optional(node, 2)
    if w.ndim != 4:
        raise ValueError(f"weights with {w.ndim} axes {w.shape}, expected 4: convolutions over height and width")
    n, c, h, width = map_shape(x)
    groups = integer(node, "group", 1)
    if groups < 1 or w.shape[0] != c or c % groups:
        raise ValueError(f"weights {w.shape} in {groups} groups on a map with {c} channels")
    window = window_of(node, (h, width), (w.shape[2], w.shape[3]))
    extra, pads = _enlarged(node, window, (h, width))
    if any(extra[i] >= max(window.stride[i], window.dilation[i]) for i in (0, 1)):
        raise ValueError(f"{extra} rows and columns more at the end, expected less than its stride {window.stride} or its dilation")
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
