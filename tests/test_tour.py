"""The tour: its chapters print what they show, its notebooks are its chapters, its links lead somewhere."""

import ast
import importlib
import re
import sys
from pathlib import Path

import pytest

from minigoog import kernels

DOCS = Path(__file__).resolve().parents[1] / "docs"
# Seconds. nbclient waits 4 for the rest of an output and then silently goes on without it, which a busy machine can need.
PATIENCE = {"timeout": 300, "startup_timeout": 300, "iopub_timeout": 300, "raise_on_iopub_timeout": True}
COMPILE = ("11_where_the_time_goes", "16_fewer_bits")  # `compile` needs the C kernels


@pytest.fixture(scope="module")
def load():
    """A function that imports a file of docs/tour/."""
    sys.path.insert(0, str(DOCS / "tour"))
    yield importlib.import_module
    sys.path.remove(str(DOCS / "tour"))
    for name in ("chapters", "make_notebooks"):
        sys.modules.pop(name, None)


CHAPTERS = sorted((DOCS / "tour").glob("[0-9][0-9]_*.md"))
each_chapter = pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)


@each_chapter
def test_a_chapter_prints_what_it_shows(path, load):
    if path.stem in COMPILE and kernels.native is None:
        pytest.skip("the chapter compiles a network, which needs the C kernels")
    assert "\n".join(load("chapters").differences(path)) == ""


@each_chapter
def test_a_chapter_has_its_number_a_length_to_read_at_once_and_exercises_with_answers_that_run(path, load):
    text = path.read_text()
    assert text.startswith(f"# {int(path.stem[:2])}. ")
    assert 60 <= len(text.splitlines()) <= 190
    exercises, answers = text.partition("## Exercises")[2].split("## Answers")
    assert len(re.findall(r"^\d\. ", exercises, re.M)) >= 3 and "```python" in answers
    assert len(load("chapters").outputs(text)) >= 5


@pytest.mark.parametrize("path", CHAPTERS[:13], ids=lambda path: path.stem)  # later ones may have their reasons
def test_a_chapter_has_a_picture_that_its_own_code_draws(path, load):
    chapters = load("chapters")
    pieces = chapters.blocks(path.read_text())
    pictures = [name for i in range(len(pieces)) if (name := chapters.picture_below(pieces, i))]
    assert pictures and all((path.parent / name).read_bytes()[:4] == b"\x89PNG" for name in pictures)


@each_chapter
def test_measured_blocks_say_so_to_the_reader_and_nothing_else_does(path, load):
    pieces = load("chapters").blocks(path.read_text())
    for before, after in zip(pieces, pieces[1:], strict=False):
        assert (before.kind == "text measured") == after.text.startswith("*(measured, not compared)*\n"), f"line {after.line}"


@each_chapter
def test_a_chapter_uses_minigoog_as_a_user_does(path, load):
    code = "\n".join(piece.text for piece in load("chapters").blocks(path.read_text()) if piece.kind == "python")
    for node in ast.walk(ast.parse(code)):
        names = [node.attr] if isinstance(node, ast.Attribute) else []
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            names = [*(getattr(node, "module", None) or "").split("."), *(alias.name for alias in node.names)]
        assert not [name for name in names if name.startswith("_")], f"{path.name} uses {names}"


# ---- the program that runs them ----


def chapter(tmp_path, text):
    path = tmp_path / "01_chapter.md"
    path.write_text(text)
    return path


def test_a_different_output_is_reported_with_its_line_and_can_be_written(tmp_path, load):
    chapters = load("chapters")
    path = chapter(tmp_path, "# 1\n\n```python\nx = 1\nprint(x)\n```\n```text\n2\n```\nmore\n")
    (difference,) = chapters.differences(path)
    assert difference == "01_chapter.md, line 8: shown\n2\nbut printed\n1\n"
    chapters.write(path)
    assert list(chapters.differences(path)) == [] and path.read_text().endswith("```text\n1\n```\nmore\n")


def test_measured_numbers_are_not_compared(tmp_path, load):
    path = chapter(tmp_path, "```python\nprint(1)\n```\n```text measured\n2\n```\n")
    assert list(load("chapters").differences(path)) == []


@pytest.mark.parametrize(("text", "message"), [
    ("```python\nprint(1)\n```\n", "line 2: prints, but no text block stands below"),
    ("a\n\n```python\nx = 1\nx / 0\n```\n", r"line 4(.|\n)*line 5(.|\n)*ZeroDivisionError"),
    ("```python\nprint(1)\n```\nword\n```text\n1\n```\n", "line 6: a text block that is not right below a python block"),
    ("```text\n1\n```\n", "line 2: a text block that is not right below"),
])  # fmt: skip
def test_an_error_in_a_chapter_is_reported_with_its_line(tmp_path, load, text, message):
    with pytest.raises(ValueError, match=message):
        list(load("chapters").differences(chapter(tmp_path, text)))


def test_a_figure_is_written_where_its_picture_stands_and_only_there(tmp_path, load):
    pytest.importorskip("matplotlib")
    chapters = load("chapters")
    code = "```python\nimport matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()\n```\n"
    path = chapter(tmp_path, f"{code}\n![a line](images/line.png)\n")
    assert list(chapters.differences(path)) == [] and not (tmp_path / "images").exists()
    chapters.write(path)
    assert (tmp_path / "images" / "line.png").read_bytes()[:4] == b"\x89PNG"
    with pytest.raises(ValueError, match="line 2: draws 1 figures, expected one for a picture right below"):
        list(chapters.differences(chapter(tmp_path, code)))


# ---- links ----


@pytest.mark.parametrize("path", [DOCS / "README.md", *CHAPTERS], ids=lambda path: path.stem)
def test_links_lead_to_existing_files(path):
    targets = re.findall(r"\]\(([^)#]+)[^)]*\)", path.read_text())
    missing = [target for target in targets if not target.startswith("http") and not (path.parent / target).exists()]
    assert missing == []


def test_the_index_names_all_chapters_and_all_other_documents():
    index = (DOCS / "README.md").read_text()
    for path in [*CHAPTERS, *(path for path in DOCS.glob("*.md") if path.name != "README.md")]:
        assert f"]({path.relative_to(DOCS)})" in index


# ---- notebooks ----


def test_the_notebooks_are_what_the_chapters_make(load):
    made = dict(load("make_notebooks").notebooks())
    assert sorted(DOCS.glob("notebooks/*.ipynb")) == sorted(made), "run python docs/tour/make_notebooks.py"
    for path, text in made.items():
        assert path.read_text() == text, f"{path.name} is not that of its chapter: run python docs/tour/make_notebooks.py"


# Every notebook is its chapter, whose code has run above; one of them in a kernel is enough to see that kernels run them.
@pytest.mark.parametrize("path", [CHAPTERS[0], *(pytest.param(path, marks=pytest.mark.slow) for path in CHAPTERS[1:])],
                         ids=lambda path: path.stem)  # fmt: skip
@pytest.mark.filterwarnings("ignore")  # of Jupyter's own packages
def test_a_notebook_runs_in_a_kernel_and_prints_what_its_chapter_shows(path, load, tmp_path, monkeypatch):
    nbformat, nbclient = (pytest.importorskip(name, reason="pip install '.[test]' brings Jupyter") for name in ("nbformat", "nbclient"))
    pytest.importorskip("ipykernel", reason="pip install '.[test]' brings Jupyter")
    if path.stem in COMPILE and kernels.native is None:
        pytest.skip("the chapter compiles a network, which needs the C kernels")
    for name in ("JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "IPYTHONDIR"):
        monkeypatch.setenv(name, str(tmp_path))
    notebook = nbformat.read(DOCS / "notebooks" / f"{path.stem}.ipynb", as_version=4)
    nbformat.validate(notebook)
    nbclient.NotebookClient(notebook, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}, **PATIENCE).execute()
    for (kind, text), cell in zip(shown(load("chapters"), path.read_text()), code_cells(notebook), strict=True):
        if kind != "text measured":
            prints = [output for output in cell.outputs if "image/png" not in output.get("data", {})]
            assert "".join(output.get("text", f"{output}\n") for output in prints) == text, cell.source


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def shown(chapters, text):
    """(kind, text) of what stands below each python block of a chapter: ("text", "") where there is nothing."""
    pieces, below = chapters.blocks(text), chapters.outputs(text)
    return [pieces[below[i]][:2] if i in below else ("text", "") for i, piece in enumerate(pieces) if piece.kind == "python"]
