"""A learner's folder: a file for each exercise, and what has been reached."""

import json
import linecache
import textwrap
from dataclasses import asdict, dataclass
from pathlib import Path
from runpy import run_path
from typing import Any

from ..files import atomic_write
from ..reading import json_value, limited, reading
from ..text import printable
from .answers import raised
from .exercise import Exercise, Function

PROGRESS = "progress.json"
LARGEST = 1 << 20  # bytes of progress.json


@dataclass
class Progress:
    """What has been reached in an exercise: how often it was checked, whether it was right, how many hints were read."""

    tries: int = 0
    right: bool = False
    hints: int = 0

    def __str__(self) -> str:
        tries = f"{self.tries} {'try' if self.tries == 1 else 'tries'}"
        return f"right, after {tries}" if self.right else f"not yet, {tries}" if self.tries else ""


class Shelf:
    """The folder of a learner's answers. Progress is kept in progress.json there, written after each change."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.progress = self._read()

    def _read(self) -> dict[str, Progress]:
        path = self.folder / PROGRESS
        if not path.exists():
            return {}
        with reading(path, "not the progress of minigoog.learn", "remove it to start anew"), open(path, "rb") as file:
            entries = json_value(limited(file, LARGEST).decode(), dict)
            return {str(name): _progress(entry) for name, entry in entries.items()}

    def of(self, name: str) -> Progress:
        """The progress in an exercise, to be changed and then kept by `keep`."""
        return self.progress.setdefault(name, Progress())

    def keep(self) -> None:
        """Writes the progress."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with atomic_write(self.folder / PROGRESS) as file:
            file.write(json.dumps({name: asdict(entry) for name, entry in self.progress.items()}, indent=2).encode() + b"\n")

    def file(self, exercise: Exercise) -> Path:
        """Where the answer to an exercise is."""
        return self.folder / f"{exercise.name}.py"

    def start(self, exercise: Exercise) -> bool:
        """Writes the file to fill in; an answer that is there already stays, and the result is False."""
        path = self.file(exercise)
        if path.exists():
            return False
        self.folder.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as file:
            file.write(template(exercise).encode())
        return True

    def function(self, exercise: Exercise) -> Function:
        """The learner's function; ValueError, naming the file and the line, if it cannot be run or has no such function. SystemExit is let
        through."""
        path = self.file(exercise)
        linecache.checkcache(str(path))
        try:
            names = run_path(str(path))
        except SyntaxError as error:
            raise ValueError(f"{printable(path)}, line {error.lineno}: {error.msg}: {(error.text or '').strip()}") from None
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # whatever a learner's code may raise
            raise ValueError(f"{printable(path)}: {raised(error, str(path))}") from None
        if not callable(names.get(exercise.name)):
            raise ValueError(f"{printable(path)}: expected a function def {exercise.signature}")
        found: Function = names[exercise.name]
        return found


def _progress(entry: Any) -> Progress:
    """A Progress of what stands in a file."""
    found = Progress(**entry)
    if not (type(found.tries) is type(found.hints) is int and type(found.right) is bool):
        raise ValueError("expected numbers of tries and hints, and whether it was right")
    return found


def template(exercise: Exercise) -> str:
    """The file to fill in: the imports, and the function with its task and without its body."""
    task = textwrap.indent(_literal(exercise.task), "    ")
    return f"{exercise.given}\n\n\ndef {exercise.signature}:\n{task}\n    raise NotImplementedError  # your code goes here\n"


def _literal(task: str) -> str:
    """Python's text of a docstring: as it is read where that can be, raw where it has backslashes, else with escapes."""
    readable = all(line.isprintable() for line in task.split("\n"))
    if readable and '"""' not in task and not task.endswith(('"', "\\")):
        return ("r" if "\\" in task else "") + f'"""{task}"""'
    return '"""' + "".join(_escaped(c) for c in task) + '"""'


def _escaped(c: str) -> str:
    """A character in a docstring; a newline stays one."""
    if c in '"\\':
        return f"\\{c}"
    return c if c.isprintable() or c == "\n" else repr(c)[1:-1]
