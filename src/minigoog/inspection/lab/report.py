"""What the lab prints about a mistake."""

import inspect
import textwrap
from collections.abc import Callable, Iterator

from .mistakes import Mistake


def report(mistake: Mistake) -> str:
    """The mistake, its example, the numbers with the switch off and on, and the result of each check for both, as text."""
    off, on = (mistake.numbers(mistake, switch) for switch in (False, True))
    values = ", ".join(f"{name} = {value:g}" for name, value in mistake.at.items())
    code = f"{inspect.getsource(mistake.example).rstrip()}    # called with {values}"
    parts = [f"{mistake.name}: {mistake.title}", mistake.why, textwrap.indent(code, "    "), _table(off, on), *_findings(mistake)]
    return "\n\n".join(parts)


def _table(off: dict[str, float], on: dict[str, float]) -> str:
    """The right and wrong numbers, side by side; below each other if their names differ because they name settings."""
    width = max(map(len, [*off, *on]))
    if off.keys() == on.keys():
        return "\n".join(f"    {name:<{width}}  right {off[name]:g}, with the mistake {on[name]:g}" for name in off)
    lines = [(name, "right", value) for name, value in off.items()] + [(name, "with the mistake", value) for name, value in on.items()]
    return "\n".join(f"    {name:<{width}}  {which} {value:g}" for name, which, value in lines)


def _findings(mistake: Mistake) -> Iterator[str]:
    """A paragraph for each check: what it does, and its result without and with the mistake."""
    for check in mistake.checks:
        doc = textwrap.fill(inspect.getdoc(check) or "", 120)
        yield f"  check: {doc}\n" + "\n".join(_says(mistake, check, on) for on in (False, True))


def _says(mistake: Mistake, check: Callable[[Mistake, bool], str], on: bool) -> str:
    """The result of the check with the switch on or off."""
    switch = "on " if on else "off"
    try:
        verdict, text = "passes", check(mistake, on)
    except AssertionError as error:
        verdict, text = "FAILS", str(error)
    return textwrap.fill(f"{switch}  {verdict}: {text}", 120, initial_indent="    ", subsequent_indent=" " * 9)
