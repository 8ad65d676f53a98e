"""SECURITY.md: its numbers are those of the source."""

import re
from importlib import import_module
from pathlib import Path

import pytest

from minigoog.data.images import FORMATS

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "SECURITY.md").read_text()
UNITS = {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
ROWS = re.findall(r"^\| [^|]+ \| ([\d,]+) ?(\w*)[^|]* \| `([\w/]+)\.py: (\w+)` \|$", PAGE, re.M)


@pytest.mark.parametrize("number, unit, module, name", ROWS, ids=[name for *_, name in ROWS])
def test_each_limit_on_the_page_is_that_of_the_source(number, unit, module, name):
    constant = getattr(import_module(f"minigoog.{module.replace('/', '.')}"), name)
    assert int(number.replace(",", "")) * UNITS.get(unit, 1) == constant


def test_the_page_has_all_rows_of_its_table_and_the_formats_of_images():
    table = PAGE.split("| limit |")[1].split("\n\n")[0]
    assert len(ROWS) == table.count("\n") - 1 > 0
    assert ", ".join(FORMATS[:-1]) + f" and {FORMATS[-1]}" in " ".join(PAGE.split())
