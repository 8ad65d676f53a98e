"""A trace as a table that fits a terminal: with less room it has fewer columns."""

from collections.abc import Sequence

from ...text import aligned, shape_text, shortened
from .step import Step

HEADING = ("", "name", "operation", "kernel", "shapes", "parameters", "multiply-adds", "sees", "ms")
RIGHT = ("", "parameters", "multiply-adds", "ms")  # columns of numbers
DROPPED = ("kernel", "parameters", "shapes", "multiply-adds", "sees")  # one after the other; of the shapes the output stays
SHORTEST_NAME = 12


def table(steps: Sequence[Step], width: int | None = None) -> str:
    """The steps as rows, at most `width` characters wide; None for all columns."""
    columns = list(HEADING)
    dropped = list(DROPPED)
    text = _table(steps, columns)
    while width is not None and _width(text) > width and dropped:
        last = dropped.pop(0)
        columns = ["output" if last == name == "shapes" else name for name in columns if name != last or last == "shapes"]
        text = _table(steps, columns)
    if width is not None and _width(text) > width:
        longest = max(len(step.name) for step in steps)
        text = _table(steps, columns, max(SHORTEST_NAME, longest - (_width(text) - width)))
    return text


def _table(steps: Sequence[Step], columns: Sequence[str], longest: int | None = None) -> str:
    """The table of these columns, names shortened in their middle to `longest` characters."""
    rows = [columns]
    for step in steps:
        cells = dict(zip(HEADING, step.cells(), strict=True)) | {"output": shape_text(step.output_shape) or "()"}
        cells["name"] = step.name if longest is None else shortened(step.name, longest)
        rows.append([cells[name] for name in columns])
    return aligned(rows, right=[i for i, name in enumerate(columns) if name in RIGHT])


def _width(text: str) -> int:
    return max(map(len, text.splitlines()))
