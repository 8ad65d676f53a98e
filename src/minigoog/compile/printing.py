"""The steps of a plan as a table."""

from collections.abc import Sequence

from ..text import aligned, shape_text
from .lowering import Call

Cells = list[tuple[str, ...]]


def cells(steps: Sequence[Call]) -> Cells:
    """The head and a row for each step."""
    head: tuple[str, ...] = ("", "step", "kind", "input", "output", "algorithm", "multiply-adds")
    shapes = [(shape_text(step.x.shape), shape_text(step.y.shape)) for step in steps]
    whys = [(step.why,) * any(other.why for other in steps) for step in steps]
    head = (*head[:6], *("because",) * any(whys), head[6])
    return [head] + [
        (str(i), step.name, step.kind, *shape, step.algorithm, *why, f"{step.multiply_adds:,}" if step.multiply_adds else "")
        for i, (step, shape, why) in enumerate(zip(steps, shapes, whys, strict=True))
    ]


def table(found: Cells, summary: str) -> str:
    """As text, with a last line."""
    right = (0, *range(found[0].index("multiply-adds"), len(found[0])))
    return f"{aligned(found, right=right)}\n{summary}"


def html(found: Cells, summary: str) -> str:
    """For notebooks."""
    from ..html import block, table

    head, *rows = found
    return block(table(head, rows, right=(0, len(head) - 1)), summary)
