"""Writes docs/notebooks/*.ipynb, a Jupyter notebook for each chapter of the tour.

    python docs/tour/make_notebooks.py

Text and code are those of the chapter. What the code prints is left out: running a cell brings it back."""

import json
from pathlib import Path
from typing import Any

import chapters

from minigoog.files import atomic_write

FOLDER = chapters.FOLDER.parent / "notebooks"
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def notebook(chapter: str) -> str:
    """The notebook of a chapter's text, as JSON."""
    pieces = [piece for piece in chapters.blocks(chapter) if not piece.kind.startswith("text") and piece.text.strip()]
    cells = [_cell(piece, f"cell-{i}") for i, piece in enumerate(pieces)]
    return json.dumps({"cells": cells, "metadata": METADATA, "nbformat": 4, "nbformat_minor": 5}, indent=1, ensure_ascii=False) + "\n"


def _cell(piece: chapters.Block, name: str) -> dict[str, Any]:
    """A cell of text or code."""
    text = piece.text.strip("\n")
    if piece.kind == "markdown":
        return {"cell_type": "markdown", "id": name, "metadata": {}, "source": _with_links(text).splitlines(keepends=True)}
    return {
        "cell_type": "code", "execution_count": None, "id": name, "metadata": {}, "outputs": [], "source": text.splitlines(keepends=True),
    }  # fmt: skip


def _with_links(text: str) -> str:
    """The text with links to other chapters turned into links to their notebooks."""
    for path in chapters.chapters():
        text = text.replace(f"({path.name})", f"({path.stem}.ipynb)")
    return text


def notebooks() -> list[tuple[Path, str]]:
    """(path, text) of each notebook."""
    return [(FOLDER / f"{path.stem}.ipynb", notebook(path.read_text(encoding="utf-8"))) for path in chapters.chapters()]


def main() -> None:
    """Writes them all, and removes those of chapters that are gone."""
    FOLDER.mkdir(exist_ok=True)
    made = dict(notebooks())
    for path in set(FOLDER.glob("*.ipynb")) - set(made):
        path.unlink()
    for path, text in made.items():
        with atomic_write(path) as file:
            file.write(text.encode())
    print(f"{len(made)} notebooks in {FOLDER}")


if __name__ == "__main__":
    main()
