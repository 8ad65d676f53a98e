"""The page: one HTML file that holds a network, an image's way through it and the gradient back."""

import json
import re
from importlib.resources import files

import numpy as np

from .data import page_data

LIMIT = 14_800_000  # bytes of the file
MOST_EXACT = 3_200_000  # numbers; more of them as float32 cannot fit, so that need not be tried
ROUNDING = (  # how finely weights are rounded (see Pack), and how many are kept: the first that fits the limit
    (None, MOST_EXACT), (127, 7_500_000), (63, 7_500_000), (31, 7_500_000), (31, 5_000_000), (31, 2_000_000), (31, 0),
)  # fmt: skip
SCRIPTS = ("numbers", "rules", "gradients", "explain", "colours", "walk", "diagram", "flow", "maps", "filters", "histogram", "products",
           "panel", "image", "keys", "main")  # one after another they are one program, numbers.js first  # fmt: skip


def build_page(steps, sample):
    """The text of the page of a Trace of `sample`."""
    for rounding in ROUNDING if _n_numbers(steps) <= MOST_EXACT else ROUNDING[1:]:
        facts, pack = page_data(steps, sample, *rounding)
        numbers, packed = pack.text()
        page = _filled(facts | {"packed": packed}, numbers)
        if len(page) <= LIMIT:
            return page
    raise ValueError(f"the page would have {len(page):,} bytes, expected at most {LIMIT:,}: the maps of this network are too large for it")


def _n_numbers(steps):
    """About how many numbers maps, gradients and weights have."""
    return sum(2 * step.output.size + step.parameters for step in steps.forward)


def _filled(facts, numbers):
    """The page around what it shows."""
    here = files(__package__) / "web"
    text = (here / "page.html").read_text(encoding="utf-8")
    script = "\n".join((here / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS)
    parts = {"STYLE": (here / "page.css").read_text(encoding="utf-8"), "FACTS": _json(facts), "NUMBERS": numbers, "SCRIPT": script}
    return re.sub(r"/\*([A-Z]+)\*/", lambda mark: parts[mark[1]], text)


def _json(facts):
    """As JSON that may stand in a page: `<` could end the script that it stands in."""
    return json.dumps(facts, separators=(",", ":"), default=_plain).replace("<", "\\u003c")


def _plain(value):
    if isinstance(value, (np.integer, np.floating)):
        return value.item()
    raise TypeError(f"{type(value).__name__} is nothing that JSON knows")
