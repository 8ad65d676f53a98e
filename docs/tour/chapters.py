"""Runs the chapters of the tour and compares what they print with the output shown below the code.

    python docs/tour/chapters.py [CHAPTER.md ...]           says where they differ; exit code 1 if they do
    python docs/tour/chapters.py --write [CHAPTER.md ...]   writes what was printed into the chapters

A chapter is Markdown. Its ```python blocks run one after the other in one namespace. What a block prints is in a ```text block
right below it, exactly; a ```text measured block shows times or other numbers of one machine and is not compared. The figure that a block
draws, with plt.show() at its end, is the picture right below it: ![what it shows](images/NAME.png), which --write writes."""

import argparse
import contextlib
import io
import re
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from minigoog.files import atomic_write

FOLDER = Path(__file__).resolve().parent
PICTURE = re.compile(r"\n?!\[[^\]]*\]\((images/[\w.]+)\)\n")
DOTS = 90  # of a picture, per inch
BLOCK = re.compile(r"^```(python|text(?: measured)?)\n(.*?)^```\n", re.M | re.S)


class Block(NamedTuple):
    """A piece of a chapter: `kind` is markdown, python, text or "text measured"; `line` is the number of its first line."""

    kind: str
    text: str
    line: int


def chapters() -> list[Path]:
    """The files of all chapters, in their order."""
    return sorted(FOLDER.glob("[0-9][0-9]_*.md"))


def blocks(chapter: str) -> list[Block]:
    """The pieces of a chapter's text; joined, they are the text."""
    found: list[Block] = []
    end = 0
    for match in BLOCK.finditer(chapter):
        found.append(Block("markdown", chapter[end : match.start()], chapter.count("\n", 0, end) + 1))
        found.append(Block(match[1], match[2], chapter.count("\n", 0, match.start()) + 2))
        end = match.end()
    return [*found, Block("markdown", chapter[end:], chapter.count("\n", 0, end) + 1)]


def text_of(pieces: list[Block]) -> str:
    """The text of a chapter from its pieces."""
    return "".join(piece.text if piece.kind == "markdown" else f"```{piece.kind}\n{piece.text}```\n" for piece in pieces)


def outputs(chapter: str) -> dict[int, int]:
    """{number of a python block: number of the text block right below it}, among the pieces; ValueError for a text block elsewhere."""
    pieces, found = blocks(chapter), dict[int, int]()
    for i, piece in enumerate(pieces):
        if piece.kind.startswith("text"):
            if i < 2 or pieces[i - 2].kind != "python" or pieces[i - 1].text.strip():
                raise ValueError(f"line {piece.line}: a text block that is not right below a python block")
            found[i - 2] = i
    return found


def picture_below(pieces: list[Block], i: int) -> str | None:
    """The file of the picture right below piece `i`, relative to the chapter; None if there is none."""
    match = PICTURE.match(pieces[i + 1].text) if i + 1 < len(pieces) and pieces[i + 1].kind == "markdown" else None
    return match[1] if match else None


def run(path: Path, pictures: Path | None = None) -> list[Block]:
    """Runs a chapter: its pieces with every text block replaced by what the code above it printed.

    pictures: the folder that figures are written below; None: nowhere. ValueError, naming the line, for code that fails, for code that
    prints where no text block stands below it, and that draws where no picture stands or draws none where one does."""
    chapter = path.read_text(encoding="utf-8")
    pieces, shown, namespace = blocks(chapter), outputs(chapter), {"__name__": path.stem}
    for i, piece in enumerate(pieces):
        if piece.kind == "python":
            with _figures(path, piece, picture_below(pieces, i), pictures):
                printed = _printed(piece, path, namespace)
            if i in shown:
                pieces[shown[i]] = pieces[shown[i]]._replace(text=printed)
            elif printed:
                raise ValueError(f"{path.name}, line {piece.line}: prints, but no text block stands below:\n{printed}")
    return pieces


@contextlib.contextmanager
def _figures(path: Path, piece: Block, name: str | None, folder: Path | None) -> Iterator[None]:
    """Within a with-block plt.show() shows nothing; at its end the figure that was drawn is written to `folder` / `name`."""
    if "matplotlib" not in piece.text:
        yield
        return
    import matplotlib.pyplot as plt

    before, plt.show = (plt.get_backend(), plt.show), lambda *_, **__: None
    plt.switch_backend("agg")
    try:
        yield
        numbers = plt.get_fignums()
        if len(numbers) != (name is not None):
            raise ValueError(f"{path.name}, line {piece.line}: draws {len(numbers)} figures, expected one for a picture right below")
        if name and folder:
            (folder / name).parent.mkdir(exist_ok=True)
            with atomic_write(folder / name) as file:
                plt.figure(numbers[0]).savefig(file, format="png", dpi=DOTS, bbox_inches="tight", metadata={"Software": None})
    finally:
        plt.close("all")
        plt.show = before[1]
        plt.switch_backend(before[0])


def _printed(piece: Block, path: Path, namespace: dict[str, Any]) -> str:
    """What the code of a block prints; its line numbers are those of the chapter."""
    code, output = compile("\n" * (piece.line - 1) + piece.text, path, "exec"), io.StringIO()
    try:
        with contextlib.redirect_stdout(output):
            exec(code, namespace)
    except Exception:
        raise ValueError(f"{path.name}, the block at line {piece.line}: {traceback.format_exc(limit=-3)}") from None
    return output.getvalue()


def differences(path: Path) -> Iterator[str]:
    """Where a chapter prints something else than it shows: a text for each block, with its line; measured numbers are not compared."""
    shown = blocks(path.read_text(encoding="utf-8"))
    for before, after in zip(shown, run(path), strict=True):
        if before.kind == "text" and before.text != after.text:
            yield f"{path.name}, line {before.line}: shown\n{before.text}but printed\n{after.text}"


def write(path: Path) -> list[str]:
    """Runs a chapter and writes what it printed into it; no differences are left."""
    text = text_of(run(path, path.parent))
    with atomic_write(path) as file:
        file.write(text.encode())
    return []


def main() -> None:
    """The program. Exit codes: 0 everything as shown, 1 differences, 2 code that fails or a file that cannot be read."""
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("chapters", nargs="*", type=Path, help="files (default: all)")
    p.add_argument("--write", action="store_true", help="write what was printed into the chapters")
    flags = p.parse_args()
    try:
        found = [difference for path in flags.chapters or chapters() for difference in (write if flags.write else differences)(path)]
    except (OSError, ValueError) as error:
        p.error(str(error))
    print("\n".join(found), end="")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
