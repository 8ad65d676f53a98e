"""The page: one HTML file that holds a network and one image's forward and backward pass."""

import json
import math
import re
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

import numpy as np

from ..inputs import Sample
from ..rules import FILES
from ..trace.trace import Trace
from .data import page_data, predicted
from .nodes import nodes_of
from .packing import Pack
from .rounding import rounded_network
from .running import runs

LIMIT = 24_000_000  # bytes of the file
MOST_EXACT = 3_200_000  # numbers; more than that cannot fit as float32
MOST_THAT_RUN = 28_000_000  # weights; more do not fit even with the fewest levels, about 5 bits each
RUNNING = (  # as ROUNDING, of a network that runs in the page: it needs all its weights; whether there are gradients
    (127, math.inf, True), (127, math.inf, False), (63, math.inf, False), (31, math.inf, False),
)  # fmt: skip
ROUNDING = (  # the levels of weights (see Pack), and how many weights are kept: the first pair that fits the limit
    (None, MOST_EXACT), (127, 7_500_000), (63, 7_500_000), (31, 7_500_000), (31, 5_000_000), (31, 2_000_000), (31, 0),
)  # fmt: skip
FIRST = ("numbers", "breakdown", "windows")  # the scripts are joined into one program in this order: these, rules/, network/, the rest
NETWORK = ("kernels", "packing", "network", "runs", "verdict", "backward", "gradients", "resize", "photograph")
LAB = ("changes", "start", "bench", "compare", "tools")
REST = ("explain", "colours", "walk", "places", "diagram", "flow", "maps", "filters", "histogram", "products", "panel", "image",
        "keys", "main")  # fmt: skip


def build_page(steps: Trace, sample: Sample) -> str:
    """The text of the page of a Trace of `sample`."""
    for rounding in _roundings(steps):
        page = page_of(steps, sample, *rounding)
        if len(page) <= LIMIT:
            return page
    raise ValueError(f"page: {sample.name} needs {len(page):,} bytes, expected at most {LIMIT:,}: its maps are too large for a page")


def _roundings(steps: Trace) -> Iterator[tuple[int | None, float] | tuple[int, float, bool]]:
    """What to try, the best first."""
    if _n_numbers(steps) <= MOST_EXACT:
        yield ROUNDING[0]
    if sum(step.parameters for step in steps.forward) <= MOST_THAT_RUN and runs(nodes_of(steps)):
        yield from RUNNING
    yield from ROUNDING[1:]


def page_of(steps: Trace, sample: Sample, levels: int | None = None, most_weights: float = math.inf, gradients: bool = True) -> str:
    """The page with weights of so many levels, with or without gradients, however large it is."""
    if levels is not None and runs(nodes_of(steps)):
        with rounded_network(steps, sample, levels) as (its, seen):
            facts, pack = page_data(its, seen, levels, most_weights, recorded=False, gradients=gradients)
            return _written(facts | {"asInFile": predicted(steps, sample)}, pack)
    return _written(*page_data(steps, sample, levels, most_weights))


def _written(facts: dict[str, Any], pack: Pack) -> str:
    numbers, packed = pack.text()
    return _filled(facts | {"packed": packed}, numbers)


def _n_numbers(steps: Trace) -> int:
    """About how many numbers maps, gradients and weights have."""
    return sum(2 * step.output.size + step.parameters for step in steps.forward)


def _filled(facts: dict[str, Any], numbers: str) -> str:
    """The page's template, with style and scripts, for its facts and numbers."""
    here = files(__package__) / "web"
    text = (here / "page.html").read_text(encoding="utf-8")
    script = _joined([*calculating(here), *(here / "lab" / f"{name}.js" for name in LAB), *(here / f"{name}.js" for name in REST)])
    parts = {"STYLE": (here / "page.css").read_text(encoding="utf-8"), "FACTS": _json(facts), "NUMBERS": numbers, "SCRIPT": script}
    return re.sub(r"/\*([A-Z]+)\*/", lambda mark: parts[mark[1]], text)


def calculating(here: Traversable) -> list[Traversable]:
    """The scripts that compute and show nothing: they also run outside a browser."""
    return [here / f"{name}.js" for name in FIRST] + _rules(here) + [here / "network" / f"{name}.js" for name in NETWORK]


def _joined(scripts: list[Traversable]) -> str:
    return "\n".join(path.read_text(encoding="utf-8") for path in scripts)


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
