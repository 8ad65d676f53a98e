"""docs/data.md: its code runs on generated data and prints what it shows, and its lists are complete."""

import gzip
import inspect
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from minigoog import data

from .data.generated import idx_bytes, random_bytes

DOCS = Path(__file__).resolve().parents[1] / "docs"
TEXT = (DOCS / "data.md").read_text(encoding="utf-8")


@pytest.fixture
def chapters(monkeypatch):
    """The program that runs the chapters of the tour."""
    monkeypatch.syspath_prepend(str(DOCS / "tour"))
    import chapters

    yield chapters
    sys.modules.pop("chapters", None)


@pytest.fixture
def files(tmp_path, monkeypatch):
    """The folders `photos` and `downloads` that the page reads."""
    image_module = pytest.importorskip("PIL.Image", reason="Pillow is not installed (extra images): docs/data.md was not run")
    for i, name in enumerate(("cat", "dog")):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for k in range(10):
            image_module.fromarray(random_bytes(10 * i + k, 12, 10 + k, 3)).save(tmp_path / "photos" / name / f"{k}.png")
    (tmp_path / "downloads").mkdir()
    for part, array in (("images-idx3", random_bytes(0, 6, 28, 28)), ("labels-idx1", np.arange(6, dtype=np.uint8))):
        (tmp_path / "downloads" / f"train-{part}-ubyte.gz").write_bytes(gzip.compress(idx_bytes(array)))
    monkeypatch.chdir(tmp_path)


def test_the_code_runs_and_prints_what_the_page_shows(chapters, files):
    assert "\n".join(chapters.differences(DOCS / "data.md")) == ""


def test_all_transforms_and_data_sets_are_named():
    made = [name for name, kind in inspect.getmembers(data.transforms, inspect.isclass) if kind.__module__ == data.transforms.__name__]
    missing = [name for name in [*made, *data.datasets.STANDARD] if f"`{name}`" not in TEXT]
    assert len(made) == 10 and missing == []


def test_all_arguments_of_the_loader_are_named():
    table = re.findall(r"^\| `(\w+)` \|", TEXT.partition("## Batches")[2], re.M)
    arguments = list(inspect.signature(data.DataLoader).parameters)
    assert table == [name for name in arguments if name != "prefetch_factor"] and "`prefetch_factor`" in TEXT
