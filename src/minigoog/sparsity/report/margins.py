"""Margins as small bars: the result, its interval, and the threshold that the rule compares it with."""

import html
from collections.abc import Sequence

from ..runner.verdicts import Margin

WIDTH, HEIGHT, EDGE = 150, 14, 0.12  # pixels; what is left free at both ends, as a share
ANSWERS = {True: "yes", False: "no", None: "open"}


def bars(margins: Sequence[Margin]) -> str:
    """A bar for each margin, with its words for readers of the screen and for the pointer."""
    return "".join(bar(margin) for margin in margins)


def bar(margin: Margin) -> str:
    """One margin as SVG."""
    low, high = margin.value - margin.chance, margin.value + margin.chance
    start, end = min(low, margin.threshold), max(high, margin.threshold)
    room = (end - start or abs(end) or 1.0) * EDGE

    def x(value: float) -> float:
        return round(WIDTH * (value - start + room) / (end - start + 2 * room), 1)

    words, y = html.escape(margin.words, quote=True), HEIGHT / 2
    return (
        f'<svg class="margin {ANSWERS[margin.answer]}" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{words}">'
        f'<title>{words}</title>'
        f'<path class="axis" d="M0 {y}H{WIDTH}"/><path class="threshold" d="M{x(margin.threshold)} 1V{HEIGHT - 1}"/>'
        f'<path class="interval" d="M{x(low)} {y}H{x(high)}"/><circle cx="{x(margin.value)}" cy="{y}" r="3.5"/></svg>'
    )
