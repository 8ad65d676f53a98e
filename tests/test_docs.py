"""Everything that the documents name exists: files, functions, and the lists of CONTRIBUTING.md."""

import inspect
import re
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

import minigoog

ROOT = Path(__file__).resolve().parents[1]
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "docs" / "tour").glob("*.md")]
LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_existing_files(page):
    targets = [target for target in LINK.findall(page.read_text()) if not target.startswith("http")]
    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_lines_of_prose_fit_a_screen(page):
    """Tables, links and code may be wider."""
    prose = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.M | re.S).splitlines()
    assert [line for line in prose if len(line) > 160 and not line.lstrip().startswith(("|", "- |", "    ", "(`", "<"))] == []


def test_the_picture_of_a_network_that_learns_is_drawn_by_its_script(tmp_path):
    pytest.importorskip("matplotlib")
    command = [sys.executable, ROOT / "docs" / "learning_strip.py", "--epochs", "0", "--output", tmp_path / "strip.png"]
    subprocess.run(command, check=True, timeout=120)
    assert (tmp_path / "strip.png").read_bytes()[:4] == b"\x89PNG"


# ---- docs/architecture.md ----


def test_every_function_on_the_way_of_a_convolution_is_in_the_file_named_beside_it():
    page = ROOT / "docs" / "architecture.md"
    named = re.findall(r"\[`(\S+): (\w+)\(\)`\]\((\S+)\)", page.read_text())
    assert len(named) > 20
    for file, function, target in named:
        defined = rf"^\s*(def|class) {function}\(" if file.endswith(".py") else rf"^[a-zA-Z_].*\b(FN\()?{function}\)?\([^;]*$"
        assert target.endswith(f"/{file}") and re.search(defined, (page.parent / target).read_text(), re.M), f"{file}: {function}()"


# ---- CONTRIBUTING.md ----

WRITTEN = {".py", ".js", ".c", ".h", ".inc"}
UNCOUNTED = {"__init__.py", "_native.c"}  # lists of names; what cffi generates


def listed(heading):
    """The files that a section of CONTRIBUTING.md links in its list."""
    section = (ROOT / "CONTRIBUTING.md").read_text().split(f"## {heading}\n")[1].split("\n## ")[0]
    return set(LINK.findall("".join(re.findall(r"^- .*\n(?:  .*\n)*", section, re.M))))


def mentioning(spelling, *folders):
    """The source files whose names or text have a word, however it is spelled: batch_norm, BatchNorm, MG_BATCH_NORM."""
    pattern = re.compile(spelling.replace("_", "_?"), re.I)
    paths = [path for folder in folders for path in (ROOT / folder).rglob("*") if path.suffix in WRITTEN and path.name not in UNCOUNTED]
    return {str(path.relative_to(ROOT)) for path in paths if pattern.search(path.name + path.read_text())}


def test_the_list_of_add_an_operation_is_where_its_example_is_mentioned():
    found = mentioning("leaky_relu", "src", "csrc")
    assert listed("Add an operation") == {path for path in found if "/formats/" not in path}  # names of other systems


def test_the_list_of_add_a_kernel_has_every_file_of_its_example():
    assert listed("Add a kernel") >= mentioning("batch_norm", "csrc", "src/minigoog/kernels")


# ---- the site ----


def public_names(module, prefix="minigoog"):
    """Dotted names of all functions and classes that the package makes public."""
    for name in module.__all__:
        value = getattr(module, name)
        if inspect.ismodule(value):
            yield from public_names(value, f"{prefix}.{name}") if hasattr(value, "__all__") else ()
        elif callable(value):
            yield f"{prefix}.{name}"


def test_the_site_builds_without_a_warning_and_its_reference_has_every_public_name(tmp_path):
    pytest.importorskip("sphinx", reason="pip install '.[docs]' brings Sphinx")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "-b", "html", ROOT / "docs", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    entries = zlib.decompress((tmp_path / "objects.inv").read_bytes().split(b"\n", 4)[4]).decode()  # four lines of text come first
    assert [name for name in public_names(minigoog) if f"\n{name} py:" not in f"\n{entries}"] == []
