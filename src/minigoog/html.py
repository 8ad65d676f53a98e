"""HTML for notebooks (`_repr_html_`): tables, and small images of maps as PNG data in the page.

It sets no colours outside the images, so that it fits light and dark notebooks, and its size is limited: thousands of rows or large
maps give a few hundred kilobytes at most."""

import base64
import math
import struct
import zlib
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Limits: TypeAlias = tuple[float, float]  # the values of the first and last colour

SIZE = 48  # pixels of the longer side of a picture on the page
LARGEST = 256
MOST_ROWS = 100  # of a table; longer tables show the first and last rows
MOST_VALUES = 20  # of an array whose values are written
LEVELS = 63  # colours from the smallest to the largest value; one in the middle, for zero
NOT_FINITE, NOT_FINITE_NAME = (255, 0, 255), "magenta"  # NaN and infinity
_RAMP = np.linspace(0, 1, LEVELS)[:, None]
_GREY = np.repeat(255 * _RAMP, 3, axis=1)
_BLUE_WHITE_RED = 255 - np.abs(2 * _RAMP - 1) * np.where(_RAMP < 0.5, [[205, 135, 75]], [[75, 135, 205]])


class Html(str):
    """Text that is already HTML and is not escaped again."""

    __slots__ = ()


def block(*parts: str) -> Html:
    """The parts below each other, text (escaped) or Html; wide ones scroll."""
    lines = "".join(part if isinstance(part, Html) else f"<div>{escape(part)}</div>" for part in parts)
    return Html(f'<div style="max-width:100%;overflow-x:auto">{lines}</div>')


def preformatted(text: str) -> Html:
    """Lines of text in a font of one width."""
    return Html(f'<pre style="line-height:1.2">{escape(text)}</pre>')


def table(head: Sequence[str], rows: Iterable[Sequence[str]], right: Sequence[int] = ()) -> Html:
    """A table of cells, text (escaped) or Html; the columns numbered in `right` are aligned to the right.

    If it has more than MOST_ROWS rows, only the first and last are shown."""
    rows = list(rows)
    sides = ["right" if i in right else "left" for i in range(len(head))]
    lines = [_row("th", head, sides), *(_row("td", row, sides) for row in rows)]
    hidden = len(rows) - MOST_ROWS
    if hidden > 0:
        half = MOST_ROWS // 2
        lines[half + 1 : -half] = [f'<tr><td colspan="{len(head)}" style="text-align:left">... {hidden} more rows ...</td></tr>']
    return Html(f"<table>{''.join(lines)}</table>")


def _row(tag: str, cells: Sequence[str], sides: Sequence[str]) -> str:
    texts = [cell if isinstance(cell, Html) else escape(cell) for cell in cells]
    return "<tr>" + "".join(f'<{tag} style="text-align:{s}">{text}</{tag}>' for text, s in zip(texts, sides, strict=True)) + "</tr>"


def picture(values: NDArray[Any], size: int = SIZE, limits: Limits | None = None, name: str = "") -> Html:
    """A map [h, w] as an image whose longer side has `size` pixels (at most LARGEST), with its range as a tooltip after `name`.

    Grey from black to white; if there are values on both sides of zero, blue below, white, red above. NaN and infinity are magenta.
    limits: the range of the colours (of the finite values, if None). A larger map is averaged over squares of pixels."""
    size = min(size, LARGEST)
    small = _averaged(values, -(-max(values.shape) // size))
    scale = size / max(small.shape)
    height, width = (max(1, round(scale * n)) for n in small.shape)
    data = base64.b64encode(_png(*_coloured(small, limits or limits_of(values)))).decode()
    title = escape(f"{name} {values.shape[0]}x{values.shape[1]}: {_range_text(values)}".strip())
    return Html(
        f'<img src="data:image/png;base64,{data}" width="{width}" height="{height}" title="{title}" alt="{title}" '
        'style="display:inline-block;margin:1px;image-rendering:pixelated">'
    )


def maps(values: NDArray[Any], most: int = 8, size: int = SIZE) -> Html:
    """Pictures of the first `most` channels of the first image of an array [n, h, w, c], on one scale; nothing for arrays without maps."""
    if values.ndim != 4 or 0 in values.shape or 1 in values.shape[1:3]:
        return Html("")
    channels = values.shape[3]
    shown = values[0, :, :, :most]
    limits = limits_of(shown)
    pictures = [picture(shown[..., c], size, limits, f"channel {c},") for c in range(shown.shape[2])]
    more = [f"+{channels - most}"] if channels > most else []
    return Html(f'<span style="white-space:nowrap">{"".join(pictures + more)}</span>')


def array(name: str, values: NDArray[Any], pictures: NDArray[Any] | None = None) -> Html:
    """The facts about an array: `name`, shape, type, statistics, its values if they are few, and maps.

    pictures: the array [n, h, w, c] whose maps are shown; if None, `values`, also of one image [h, w, c] or a matrix."""
    title = f"{name} {_shape_text(values.shape)} {values.dtype}"
    if values.size <= MOST_VALUES:
        return block(title, preformatted(np.array2string(values, precision=4)))
    facts = table(("min", "max", "mean", "std", "zeros", "not finite"), [_statistics(values)], right=range(6))
    return block(title, facts, maps(_as_images(values) if pictures is None else pictures))


def operations(ops: Iterable[Any], names: Sequence[str]) -> Html:
    """A table of the operations of a tape, with the names of their layers and pictures of the maps that they gave."""
    rows = []
    for i, (op, name) in enumerate(zip(ops, names, strict=True)):
        y = getattr(op, "y", None)
        inputs = ", ".join(_shape_text(x.shape) for x in op.inputs)
        known = (_shape_text(y.shape), inputs, maps(y, 4, SIZE // 2)) if y is not None else ("", inputs, "")
        rows.append((str(i), name, op.name, *known))
    return block(table(("", "layer", "operation", "output", "inputs", "maps"), rows, right=(0,)))


def limits_of(values: NDArray[Any]) -> Limits:
    """The range of colours for these values: of the finite ones, symmetrical around zero if they lie on both sides of it."""
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    return (-max(-low, high), max(-low, high)) if low < 0 < high else (low, high)


def _averaged(values: NDArray[Any], step: int) -> NDArray[np.float64]:
    """The means of squares of step x step pixels, smaller at the edges."""
    h, w = (np.arange(0, n, step) for n in values.shape)
    with np.errstate(all="ignore"):  # infinities of both signs in one square
        sums = np.add.reduceat(np.add.reduceat(values.astype(np.float64), h, axis=0), w, axis=1)
    counts = np.outer(np.minimum(step, values.shape[0] - h), np.minimum(step, values.shape[1] - w))
    return np.asarray(sums / counts)


def _coloured(values: NDArray[np.float64], limits: Limits) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """(the number of each pixel's colour, the colours [LEVELS + 1, 3]); the last colour is for values that are not finite."""
    low, high = limits
    finite = np.isfinite(values)
    share = (np.where(finite, values, low) - low) / (high - low or 1.0)
    numbers = np.where(finite, np.rint(np.clip(share, 0, 1) * (LEVELS - 1)), LEVELS)
    colours = np.vstack([_BLUE_WHITE_RED if low < 0 < high else _GREY, NOT_FINITE])
    return numbers.astype(np.uint8), np.rint(colours).astype(np.uint8)


def _png(numbers: NDArray[np.uint8], colours: NDArray[np.uint8]) -> bytes:
    """A PNG file of an image with a palette. (https://www.w3.org/TR/png/)"""
    h, w = numbers.shape
    rows = np.hstack([np.zeros((h, 1), np.uint8), numbers])  # each row after the number of its filter: 0, none
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", w, h, 8, 3, 0, 0, 0)),  # 8 bits, colours of a palette
        (b"PLTE", colours.tobytes()),
        (b"IDAT", zlib.compress(rows.tobytes(), 9)),
        (b"IEND", b""),
    )
    parts = [struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def _as_images(values: NDArray[Any]) -> NDArray[Any]:
    """An image [h, w, c] or a matrix as one of [n, h, w, c]; any other array unchanged."""
    if values.ndim == 2:
        return values[None, :, :, None]
    return values[None] if values.ndim == 3 else values


def _statistics(values: NDArray[Any]) -> tuple[str, ...]:
    finite = values[np.isfinite(values)].astype(np.float64)
    numbers = (finite.min(), finite.max(), finite.mean(), finite.std()) if finite.size else (math.nan,) * 4
    return (*(f"{x:.4g}" for x in numbers), f"{np.mean(values == 0):.1%}", str(values.size - finite.size))


def _range_text(values: NDArray[Any]) -> str:
    """-1.5 to 2 (3 not finite: magenta)"""
    finite = values[np.isfinite(values)]
    text = f"{finite.min():.4g} to {finite.max():.4g}" if finite.size else "no finite value"
    return text if finite.size == values.size else f"{text} ({values.size - finite.size} not finite: {NOT_FINITE_NAME})"


def _shape_text(shape: Sequence[int]) -> str:
    return "x".join(map(str, shape)) or "()"
