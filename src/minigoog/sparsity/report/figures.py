"""Figures as SVG that uses the page's colour for lines and text, so that it is readable on a light and on a dark page."""

import io
import re
from collections.abc import Callable
from typing import Any

from ..runner.demonstration import Figure, Numbers

INK = "#010203"  # a colour that no figure uses: placeholder for the page's colour
SIZE = (8.6, 3.6)  # inches
COLOURS = ("#3d7fc4", "#d9772b", "#3a9e64", "#c4487c", "#8b6cc9", "#9a7d3c", "#2a9fae", "#d15750", "#7b8794", "#5b8c2a")
STYLE = {
    "text.color": INK, "axes.labelcolor": INK, "axes.edgecolor": INK, "xtick.color": INK, "ytick.color": INK, "lines.color": INK,
    "axes.titlesize": 10, "font.size": 9.5, "legend.frameon": False, "legend.labelcolor": INK, "hatch.color": INK,
    "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True, "grid.color": "#7b8794", "grid.alpha": 0.25,
    "axes.facecolor": "none", "axes.axisbelow": True, "lines.linewidth": 1.8, "lines.markersize": 5, "svg.fonttype": "path",
    "patch.edgecolor": INK, "axes.formatter.min_exponent": 3, "legend.facecolor": "none",
}  # fmt: skip


def available() -> bool:
    """Whether figures can be drawn: whether matplotlib (extra `plots`) is installed."""
    try:
        import matplotlib  # noqa: F401
    except ModuleNotFoundError:
        return False
    return True


def svg(name: str, draw: Callable[[Numbers, Figure], None], numbers: Numbers) -> tuple[str, str]:
    """(for a page, for a file): the figure `name` that draw(numbers, figure) makes, as SVG. ImportError without matplotlib."""
    import matplotlib
    import matplotlib.figure
    from cycler import cycler

    style: Any = STYLE | {"axes.prop_cycle": cycler(color=COLOURS), "svg.hashsalt": name}
    with matplotlib.rc_context(style):
        figure = matplotlib.figure.Figure(figsize=SIZE, layout="constrained")
        draw(numbers, figure)
        _thin_out(figure)
        clear, white = (_saved(figure, transparent) for transparent in (True, False))
    return for_page(name, clear), white.replace(INK, "#000000")


def _thin_out(figure: Figure) -> None:
    """Logarithmic axes have plain numbers; between powers of ten only 2 and 5, and on axes of two powers or more nothing: no overlaps."""
    from matplotlib.ticker import FuncFormatter, NullFormatter

    plain = FuncFormatter(lambda x, _: f"{x:g}" if 1e-4 < x < 1e5 else f"{x:.0e}")

    few = FuncFormatter(lambda x, _: f"{x:g}" if f"{x:e}"[0] in "25" else "")
    for axis in (axis for axes in figure.axes for axis in (axes.xaxis, axes.yaxis) if axis.get_scale() == "log"):
        low, high = sorted(axis.get_view_interval())
        axis.set_major_formatter(plain)
        axis.set_minor_formatter(NullFormatter() if high >= 100 * low else few)


def _saved(figure: Figure, transparent: bool) -> str:
    file = io.StringIO()
    figure.savefig(file, format="svg", transparent=transparent, bbox_inches="tight", metadata={"Date": None, "Creator": None})
    return file.getvalue()


def for_page(name: str, text: str) -> str:
    """An SVG file's text as an element of a page: the page's colour for black and INK, its width, and names that no other figure has."""
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.S)
    text = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", text, count=1), count=1)
    text = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', text)
    text = re.sub(r'href="#([^"]+)"', rf'href="#{name}-\1"', text)
    text = re.sub(r"url\(#([^)]+)\)", rf"url(#{name}-\1)", text)
    return re.sub(rf"{INK}|#000000|\bblack\b", "currentColor", text)
