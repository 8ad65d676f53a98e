"""Names of classes from a file: one a line, with or without ImageNet's numbers before them, or JSON."""

import json
import os
import re
from pathlib import Path
from typing import Any

from ..reading import DamagedFile, limited, open_regular, reading
from ..text import short

LONGEST_FILE = 1 << 20  # bytes
BESIDE = "synset_words.txt"  # looked for in the folder of a file of weights: Caffe's name of it
SYNSET = re.compile(r"n\d{8}\s+")  # n01440764 tench, Tinca tinca


def read(path: str | os.PathLike[str]) -> tuple[str, ...]:
    """The names in a file, in the order of the classes; DamagedFile, naming the file, if there are none.

    A text has a name in each line; a number of WordNet before each of them ("n01440764 tench") is dropped. JSON is a list of names, or
    an object: "0": "tench", or "0": ["n01440764", "tench"]."""
    with reading(path, "not a file of class names", "expected a name in each line, or a JSON list or object"), open_regular(path) as file:
        text = limited(file, LONGEST_FILE).decode("utf-8-sig")
        names = _from_json(json.loads(text)) if text.lstrip()[:1] in ("[", "{") else _from_lines(text)
        if not names or not all(names):
            raise ValueError(f"name {names.index('')} is empty" if names else "it is empty")
        return tuple(names)


def beside(path: Path, n: int) -> tuple[str, ...]:
    """The names in synset_words.txt in the folder of a file of weights, if there are `n` of them; else ()."""
    file = path.parent / BESIDE
    if not file.exists():
        return ()
    try:
        names = read(file)
    except DamagedFile:
        return ()
    return names if len(names) == n else ()


def _from_lines(text: str) -> list[str]:
    lines = [line.strip() for line in text.rstrip().splitlines()]
    return [SYNSET.sub("", line, count=1) for line in lines] if all(map(SYNSET.match, lines)) else lines


def _from_json(value: Any) -> list[str]:
    """The names of a list or an object; ValueError if it is something else."""
    if isinstance(value, dict):
        numbers = [str(i) for i in range(len(value))]
        if unknown := value.keys() - set(numbers):
            raise ValueError(f"its object has {short(min(unknown))}, expected the numbers 0 to {len(value) - 1}")
        value = [value[number] for number in numbers]
    names = [entry[-1] if isinstance(entry, list) and entry else entry for entry in value]
    if wrong := [name for name in names if not isinstance(name, str)]:
        raise ValueError(f"it has {short(wrong[0])}, expected names")
    return names
