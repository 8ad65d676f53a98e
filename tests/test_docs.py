"""What the documents name is there: files, functions, and the lists of CONTRIBUTING.md."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "docs" / "tour").glob("*.md")]
LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files_that_are_there(page):
    targets = [target for target in LINK.findall(page.read_text()) if not target.startswith("http")]
    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_lines_of_prose_fit_a_screen(page):
    """Tables, links and code may be wider."""
    prose = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.M | re.S).splitlines()
    assert [line for line in prose if len(line) > 160 and not line.lstrip().startswith(("|", "- |", "    ", "(`", "<"))] == []


# ---- docs/architecture.md ----


def test_every_function_on_the_way_of_a_convolution_is_in_the_file_named_beside_it():
    page = ROOT / "docs" / "architecture.md"
    named = re.findall(r"\[`(\S+): (\w+)\(\)`\]\((\S+)\)", page.read_text())
    assert len(named) > 20
    for file, function, target in named:
        defined = rf"^\s*(def|class) {function}\(" if file.endswith(".py") else rf"^[a-zA-Z_].*\b(FN\()?{function}\)?\([^;]*$"
        assert target.endswith(f"/{file}") and re.search(defined, (page.parent / target).read_text(), re.M), f"{file}: {function}()"
