"""Writes docs/notebooks/*.ipynb, a Jupyter notebook for each chapter of the tour.

    python docs/tour/make_notebooks.py

Text and code are those of the chapter, and so are the outputs: what it shows below its code, and its pictures."""

import base64
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
    pieces, shown = chapters.blocks(chapter), chapters.outputs(chapter)
    cells: list[dict[str, Any]] = []
    for i, piece in enumerate(pieces):
        if piece.kind == "python":
            name = chapters.picture_below(pieces, i)
            cells.append(_code(piece, pieces[shown[i]].text if i in shown else "", name, len(cells)))
        elif piece.kind == "markdown":
            text = chapters.PICTURE.sub("", piece.text, count=1) if i and chapters.picture_below(pieces, i - 1) else piece.text
            cells += [_text(text, len(cells))] if text.strip() else []
    return json.dumps({"cells": cells, "metadata": METADATA, "nbformat": 4, "nbformat_minor": 5}, indent=1, ensure_ascii=False) + "\n"


def _text(text: str, number: int) -> dict[str, Any]:
    """A cell of text."""
    source = _with_links(text.strip("\n")).splitlines(keepends=True)
    return {"cell_type": "markdown", "id": f"cell-{number}", "metadata": {}, "source": source}


def _code(piece: chapters.Block, printed: str, picture: str | None, number: int) -> dict[str, Any]:
    """A cell of code with its outputs."""
    outputs: list[dict[str, Any]] = []
    if printed:
        outputs.append({"name": "stdout", "output_type": "stream", "text": printed.splitlines(keepends=True)})
    if picture:
        png = base64.b64encode((chapters.FOLDER / picture).read_bytes()).decode()
        outputs.append({"data": {"image/png": png, "text/plain": ["a figure"]}, "metadata": {}, "output_type": "display_data"})
    source = piece.text.strip("\n").splitlines(keepends=True)
    return {"cell_type": "code", "execution_count": None, "id": f"cell-{number}", "metadata": {}, "outputs": outputs, "source": source}


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
