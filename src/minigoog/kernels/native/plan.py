"""The calls of C kernels that a plan consists of, each with its settings, maps and weights (csrc/plan.c)."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from minigoog._native import lib

from ...array_types import Array, Padding, Pair, Shape
from ..shapes import ConvShape, Sides, conv_shape, pool_shape
from . import conv_algorithms, conv_depthwise, conv_geometry, conv_winograd, machine
from .activation import KINDS
from .arena import Map, new_map
from .conv_geometry import Epilogue
from .pool import pool_geometry
from .weights import Weights, pack_direct

WHERE = "compile"
PYTHON = -1  # the kernel of a call that runs a Python function

Activation: TypeAlias = tuple[str, *tuple[float, ...]]  # the name of its function and its settings, as ("clip", 0.0, 6.0)


class Call(NamedTuple):
    """One call of a plan: a C kernel with its settings, or a Python function; the maps and constants it reads, the map it writes."""

    kernel: int  # enum mg_kernel, or PYTHON
    x: Map
    y: Map
    settings: dict[str, Any]  # the member of union mg_settings that the kernel reads
    w: "Packed | Array | Map | None" = None  # packed weights, or the factors of an affine map
    b: Array | Map | None = None  # a bias, or the second input of a sum
    algorithm: str = ""
    multiply_adds: int = 0
    function: Callable[..., Array] | None = None
    arguments: tuple[tuple[Map | Array, Shape], ...] = ()  # the arguments of `function` and its result, each with its shape there
    name: str = ""  # of the layer whose parameters it uses
    kind: str = ""  # the operation, "pad" or "copy"
    residual: Map | None = None  # of a convolution: added before its activation
    images: int = 1  # how often it is made, each time for one image, in turn with its neighbours of the same number (by_image.py)
    strip: int = 0  # how many calls from this one on are made together for `strip_rows` rows of the last output, then the next (strips.py)
    strip_rows: int = 0
    why: str = ""  # of weights with zeros: their density, and what each algorithm would take

    def maps(self) -> list[Map]:
        """The maps that the call reads or writes."""
        arguments = [m for m, _ in self.arguments]
        return [m for m in (self.x, self.y, self.w, self.b, self.residual, *arguments) if isinstance(m, Map)]

    def constants(self) -> "list[Packed | Array]":
        """The packed weights and bias."""
        return [a for a in (self.w, self.b) if isinstance(a, (Packed, np.ndarray))]


class Packed(NamedTuple):
    """Weights that `write(out=...)` will pack into an array of `size`: only then, so that they exist once."""

    size: int
    write: Callable[..., Any]
    of: tuple[Weights, Array | None] | None = None  # of `direct`: what is packed


def convolution(
    m: machine.Machine, x: Map, w: Weights, b: Array | None, y: Map, *, activation: Activation | None = None, residual: Map | None = None,
    stride: Pair = 1, padding: Padding = 0, dilation: Pair = 1, groups: int = 1, algorithm: str = "auto",
) -> list[Call]:
    """The calls that convolve the map `x` with the weights `w` HWIO into `y`, as conv2d does it, with weights packed for the tiles of `m`.

    y = activation(convolution + b + residual)."""
    s = conv_shape(WHERE, x.shape, w.shape, stride, padding, groups, dilation)
    chosen, sides = conv_algorithms.choose("conv2d", algorithm, s), conv_winograd.OF_SIDE
    if chosen is conv_winograd.ALGORITHM:
        chosen = sides[conv_winograd.side_of(s)]
    if chosen is conv_depthwise.ALGORITHM:
        return _depthwise(s, x, w, b, activation, residual, y)
    prepare = next((partial(_winograd, side) for side in sides if chosen is sides[side]), None)
    if prepare is None:
        return _direct(m, s, x, w, b, _epilogue(activation, residual), y, residual)
    cin, cout = s.cin // groups, s.cout // groups
    calls: list[Call] = []
    for g in range(groups):
        part = slice(g * cout, (g + 1) * cout)
        b_part = None if b is None else np.ascontiguousarray(b[part])
        r_part = None if residual is None else residual.channels(g * cout, cout)
        one, epilogue = s._replace(cin=cin, cout=cout, groups=1), _epilogue(activation, r_part)
        calls += prepare(m, one, x.channels(g * cin, cin), w.among(part), b_part, epilogue, y.channels(g * cout, cout), r_part)
    return calls


def _epilogue(activation: Activation | None, residual: Map | None) -> Epilogue:
    return Epilogue(*kind_of(activation), 0 if residual is None else residual.ld)


def _depthwise(
    s: ConvShape, x: Map, w: Weights, b: Array | None, activation: Activation | None, residual: Map | None, y: Map
) -> list[Call]:
    settings = {"depthwise": conv_depthwise.geometry(s, x.ld, y.ld, _epilogue(activation, residual))[0]}
    weights = w.of(slice(0, s.cout)).reshape(-1)
    return [Call(lib.MG_DEPTHWISE, x, y, settings, weights, b, "depthwise", _multiply_adds(s) // s.groups, residual=residual)]


def _direct(
    m: machine.Machine, s: ConvShape, x: Map, w: Weights, b: Array | None, epilogue: Epilogue, y: Map, residual: Map | None
) -> list[Call]:
    calls: list[Call] = []
    if any(s.padding):
        calls, x = padded(x, s.padding, conv_geometry.padded_size(s))
    groups = s.groups
    one = s._replace(cin=s.cin // groups, cout=s.cout // groups, groups=1)
    settings = {"conv": conv_geometry.geometry(one, x.ld, y.ld, epilogue, groups)[0]}
    k = s.kh * s.kw * one.cin
    panels = Packed(groups * lib.mg_panels_size(k, one.cout, m), partial(_pack_groups, m, k, groups, w, b), (w, b))
    work = groups * _multiply_adds(one)
    return [*calls, Call(lib.MG_CONV2D_DIRECT, x, y, settings, panels, None, "direct", work, residual=residual)]


def _pack_groups(m: machine.Machine, k: int, groups: int, w: Weights, b: Array | None, out: Array) -> None:
    """Packs the panels of each group, one after the other."""
    cout = w.shape[-1] // groups
    for g, panels in enumerate(out.reshape(groups, -1)):
        part = slice(g * cout, (g + 1) * cout)
        pack_direct(m, k, w.among(part), None if b is None else b[part], panels)


def _winograd(
    side: int, m: machine.Machine, s: ConvShape, x: Map, w: Weights, b: Array | None, epilogue: Epilogue, y: Map, residual: Map | None
) -> list[Call]:
    calls, canvas = padded(x, s.padding, conv_winograd.canvas_size(s, side))
    settings = {"conv": conv_winograd.geometry(s, side, y.ld, epilogue)[0]}
    size = lib.mg_winograd_panels_size(side, s.kh, s.cin, s.cout, m)
    panels = Packed(size, lambda out: conv_winograd.pack(m, s, side, w.of(slice(0, s.cout)), out))
    return [*calls, Call(lib.MG_CONV2D_WINOGRAD, canvas, y, settings, panels, b, "winograd", _multiply_adds(s), residual=residual)]


def _multiply_adds(s: ConvShape) -> int:
    return s.n * s.out_h * s.out_w * s.kh * s.kw * s.cin * s.cout


def padded(x: Map, padding: Sides, size: tuple[int, ...]) -> tuple[list[Call], Map]:
    """The call that copies `x` onto a canvas of `size` (height, width), in a list, and the canvas."""
    canvas = new_map((x.shape[0], *size, x.shape[3]))
    return [Call(lib.MG_PLACE, x, canvas, {"place": (*x.shape, x.ld, *padding[:2], 1, 1, *size)})], canvas


def max_pool(x: Map, y: Map, **window: Any) -> list[Call]:
    """The call that writes the largest value of each window of `x` to `y`; `window`: the settings of max_pool2d."""
    return [Call(lib.MG_MAX_POOL2D, x, y, _pool(x, y, window))]


def avg_pool(x: Map, y: Map, **window: Any) -> list[Call]:
    """The call that writes the mean of each window of `x` to `y`."""
    return [Call(lib.MG_AVG_POOL2D, x, y, _pool(x, y, window))]


def _pool(x: Map, y: Map, window: dict[str, Any]) -> dict[str, Any]:
    return {"pool": pool_geometry(pool_shape(WHERE, x.shape, **window), x.ld, y.ld)[0]}


def activation(kind: Activation, x: Map, y: Map) -> list[Call]:
    """The call that writes the activation `kind` of `x` to `y`."""
    return [Call(lib.MG_ACTIVATION, x, y, _elementwise(x, x, y, *kind_of(kind)))]


def kind_of(activation: Activation | None) -> tuple[int, float, float]:
    """enum mg_activation and its settings alpha and beta."""
    if activation is None:
        return lib.MG_NONE, 0, 0
    name, *settings = activation
    alpha, beta = (*settings, 0.0, 0.0)[:2]
    return KINDS[name], alpha, beta


def copy(x: Map, y: Map) -> list[Call]:
    """The call that copies `x` to `y`."""
    return [Call(lib.MG_COPY, x, y, _elementwise(x, x, y))]


def add(a: Map, b: Map, y: Map, activation: Activation | None = None) -> list[Call]:
    """The call that writes activation(a + b) to `y`."""
    return [Call(lib.MG_ADD, a, y, _elementwise(a, b, y, *kind_of(activation)), b=b)]


def affine(x: Map, scale: Map | Array, shift: Array | None, y: Map, activation: Activation | None = None) -> list[Call]:
    """The call that writes activation(x * scale + shift) to `y`. scale: an array [c], or a map of one pixel for each image; shift: [c]."""
    n, h, w, c = x.shape
    lds = scale.ld if isinstance(scale, Map) else 0
    return [Call(lib.MG_AFFINE, x, y, {"affine": (n, h * w, c, x.ld, lds, y.ld, *kind_of(activation))}, scale, shift)]


def channel_shuffle(x: Map, groups: int, y: Map) -> list[Call]:
    """The call that writes the channels of the `groups` groups of `x` to `y` in turn."""
    n, h, w, c = x.shape
    return [Call(lib.MG_CHANNEL_SHUFFLE, x, y, {"elementwise": (n * h * w, c, x.ld, groups, y.ld)})]


def lrn(x: Map, size: int, alpha: float, beta: float, k: float, y: Map) -> list[Call]:
    """The call of local response normalisation; none where C would not have the bits of NumPy, whose powers are its own."""
    n, h, w, c = x.shape
    if beta != 0.75 or size > lib.MG_LRN_WIDEST:
        return []
    return [Call(lib.MG_LRN, x, y, {"elementwise": (n * h * w, c, x.ld, size, y.ld, lib.MG_NONE, alpha / size, k)})]


def softmax(x: Map, y: Map) -> list[Call]:
    """The call that writes the softmax of each pixel of `x` to `y`, both dense."""
    return [Call(lib.MG_SOFTMAX, x, y, _elementwise(x, x, y))]


def _elementwise(a: Map, b: Map, y: Map, *activation: float) -> dict[str, Any]:
    n, h, w, c = y.shape
    return {"elementwise": (n * h * w, c, a.ld, b.ld, y.ld, *activation)}


def python(function: Callable[..., Array], arguments: Sequence[tuple[Map | Array, Shape]], y: Map, y_shape: Shape) -> list[Call]:
    """The call of a Python function. arguments: (Map or array, shape) of each; `y` gets what it returns, of shape `y_shape`."""
    x = next(m for m, _ in arguments if isinstance(m, Map))
    return [Call(PYTHON, x, y, {}, algorithm="NumPy", function=function, arguments=(*arguments, (y, y_shape)))]
