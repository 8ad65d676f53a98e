"""The rooms of sparsity/ are in layers: each imports only those before it, and describes itself in one sentence."""

import ast
import importlib
from pathlib import Path

import pytest

import minigoog.sparsity

ROOT = Path(minigoog.sparsity.__file__).parent
ROOMS = ("runner", "clusters", "construction", "speed", "accuracy", "frontier", "inception", "depth", "report")


def imported(path):
    """The rooms that a file imports, its own aside."""
    nodes = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom) and node.level == 2]
    return {name for node in nodes for name in ([node.module.split(".")[0]] if node.module else [alias.name for alias in node.names])}


def test_every_folder_is_a_room():
    assert {path.parent.name for path in ROOT.glob("*/__init__.py")} == set(ROOMS)


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_rooms_below(room):
    below = set(ROOMS[: ROOMS.index(room)])
    for path in (ROOT / room).glob("*.py"):
        assert imported(path) <= below, path


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_says_what_it_holds_and_no_file_repeats_its_name(room):
    assert importlib.import_module(f"minigoog.sparsity.{room}").__doc__.strip().endswith(".")
    assert not [path.name for path in (ROOT / room).glob("*.py") if path.stem.startswith(f"{room}_")]
