"""COCO's JSON: images, categories, and annotations with bbox [left, top, width, height]; crowds are difficult objects."""

from pathlib import Path
from typing import Any

from ...reading import json_value, limited, open_regular, reading
from ...text import short
from .stated import Stated, Thing, real, text

LONGEST_COCO = 1 << 26  # bytes: Python's objects take up to 27 times as much memory


def read(path: Path) -> tuple[tuple[str, ...], list[Stated]]:
    """(names of the classes by their id, what is stated of each picture, by its place in the file); DamagedFile, naming the file, if it
    is none of COCO's."""
    with reading(path, "not annotations of COCO"), open_regular(path) as file:
        whole = json_value(limited(file, LONGEST_COCO), dict, longest=LONGEST_COCO)
        names = {entry["id"]: text("category", entry["name"]) for entry in _entries(whole, "categories")}
        stated = {entry["id"]: _stated(entry) for entry in _entries(whole, "images")}
        for entry in _entries(whole, "annotations"):
            stated[entry["image_id"]].things.append(_thing(entry, names[entry["category_id"]]))
        return tuple(names[number] for number in sorted(names)), list(stated.values())


def _entries(whole: dict[str, Any], name: str) -> list[dict[str, Any]]:
    found = whole[name]
    if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
        raise ValueError(f"its {name} are {short(found)}, expected a list of objects")
    ids = [entry["id"] for entry in found if name != "annotations"]
    if not all(type(number) is int for number in ids) or len(set(ids)) < len(ids):
        raise ValueError(f"its {name} have {short(ids)} as their ids, expected integers, each once")
    return found


def _stated(entry: dict[str, Any]) -> Stated:
    size = (entry.get("height"), entry.get("width"))
    known = all(type(side) is int for side in size)
    return Stated(text("file_name", entry["file_name"]), (int(size[0] or 0), int(size[1] or 0)) if known else None, [])


def _thing(entry: dict[str, Any], name: str) -> Thing:
    box = entry["bbox"]
    if not isinstance(box, list) or len(box) != 4:
        raise ValueError(f"its bbox is {short(box)}, expected [left, top, width, height]")
    left, top, width, height = (real("bbox", value) for value in box)
    return Thing(name, (left, top, left + width, top + height), entry.get("iscrowd") == 1)
