"""The page: one HTML file that holds a network and one image's forward and backward pass."""

import json
import re
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

import numpy as np

from ..inputs import Sample
from ..rules import FILES
from ..trace.trace import Trace
from .data import page_data

LIMIT = 17_500_000  # bytes of the file
MOST_EXACT = 3_200_000  # numbers; more than that cannot fit as float32
ROUNDING = (  # the levels of weights (see Pack), and how many weights are kept: the first pair that fits the limit
    (None, MOST_EXACT), (127, 7_500_000), (63, 7_500_000), (31, 7_500_000), (31, 5_000_000), (31, 2_000_000), (31, 0),
)  # fmt: skip
FIRST = ("numbers", "breakdown", "windows")  # the scripts are joined into one program in this order: these, rules/, the rest
REST = ("explain", "colours", "walk", "places", "diagram", "flow", "maps", "filters", "histogram", "products", "panel", "image",
        "keys", "main")  # fmt: skip


def build_page(steps: Trace, sample: Sample) -> str:
    """The text of the page of a Trace of `sample`."""
    for rounding in ROUNDING if _n_numbers(steps) <= MOST_EXACT else ROUNDING[1:]:
        facts, pack = page_data(steps, sample, *rounding)
        numbers, packed = pack.text()
        page = _filled(facts | {"packed": packed}, numbers)
        if len(page) <= LIMIT:
            return page
    raise ValueError(f"page: {sample.name} needs {len(page):,} bytes, expected at most {LIMIT:,}: its maps are too large for a page")


def _n_numbers(steps: Trace) -> int:
    """About how many numbers maps, gradients and weights have."""
    return sum(2 * step.output.size + step.parameters for step in steps.forward)


def _filled(facts: dict[str, Any], numbers: str) -> str:
    """The page's template, with style and scripts, for its facts and numbers."""
    here = files(__package__) / "web"
    text = (here / "page.html").read_text(encoding="utf-8")
    scripts = [here / f"{name}.js" for name in FIRST] + _rules(here) + [here / f"{name}.js" for name in REST]
    script = "\n".join(path.read_text(encoding="utf-8") for path in scripts)
    parts = {"STYLE": (here / "page.css").read_text(encoding="utf-8"), "FACTS": _json(facts), "NUMBERS": numbers, "SCRIPT": script}
    return re.sub(r"/\*([A-Z]+)\*/", lambda mark: parts[mark[1]], text)


def _rules(here: Traversable) -> list[Traversable]:
    """The scripts with the rules of operations; some operations have none."""
    paths = [here / "rules" / f"{name}.js" for name in FILES]
    return [path for path in paths if path.is_file()]


def _json(facts: dict[str, Any]) -> str:
    """As JSON that is safe inside a page: an unescaped `<` could end its script element."""
    return json.dumps(facts, separators=(",", ":"), default=_plain).replace("<", "\\u003c")


def _plain(value: Any) -> Any:
    if isinstance(value, (np.integer, np.floating)):
        return value.item()
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")
