"""Probabilities as bars in a terminal."""

import os
import shutil
import sys

from ..loading import Ranking
from ..text import printable, shortened
from .photographs import Result

NARROWEST, WIDEST = 20, 100  # columns
LONGEST_BAR = 40
BOLD, PLAIN = "\033[1m", "\033[0m"


class Bars:
    """Results as text for standard output: with colours on a terminal, and blocks where its encoding has them."""

    def __init__(self) -> None:
        self.width = min(max(shutil.get_terminal_size().columns, NARROWEST), WIDEST)
        self.colours = sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        self.block = "█" if _can_write("█") else "#"

    def block_of(self, result: Result) -> str:
        """The path of a photograph and a line with a bar for each of its likeliest classes."""
        name = printable(result.path)
        if result.ranking is None:
            return f"{name}\n  damaged, skipped"
        return "\n".join([f"{BOLD}{name}{PLAIN}" if self.colours else name, *self._lines(result.ranking)])

    def line_of(self, result: Result) -> str:
        """A photograph and its likeliest class on one line."""
        if result.ranking is None:
            return f"damaged  {printable(result.path)}"
        (name, probability), *_ = result.ranking
        return f"{probability:6.1%}  {printable(result.path)}  {printable(name)}"

    def _lines(self, ranking: Ranking) -> list[str]:
        room = self.width - len("   100.0% ")
        names = [printable(name) for name, _ in ranking]
        longest = min(max(map(len, names)), room * 3 // 5)
        bar = min(room - longest - 1, LONGEST_BAR)
        lines = []
        for name, (_, probability) in zip(names, ranking, strict=True):
            marks = self.block * round(bar * probability)
            lines.append(f"  {shortened(name, longest):{longest}} {probability:6.1%} {marks}".rstrip())
        return lines


def _can_write(text: str) -> bool:
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True
