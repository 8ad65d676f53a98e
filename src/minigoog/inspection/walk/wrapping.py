"""Text that fits the terminal."""

import re
import shutil
import textwrap

NARROWEST = 40


def terminal_width() -> int:
    """The columns of the terminal; 80 where there is none."""
    return max(NARROWEST, shutil.get_terminal_size((80, 24)).columns)


def wrapped(text: str, width: int) -> str:
    """The text, its lines broken at spaces where they are longer than `width`; what follows is indented by two more."""
    lines: list[str] = []
    for line in text.split("\n"):
        indent = re.match(r" *", line)
        more = indent[0] + "  " if indent and (indent[0] or ":" in line[:width]) else ""
        keeps = textwrap.wrap(line, width, subsequent_indent=more, break_long_words=False, break_on_hyphens=False, drop_whitespace=True)
        lines += [line] if len(line) <= width or not keeps else keeps
    return "\n".join(lines)
