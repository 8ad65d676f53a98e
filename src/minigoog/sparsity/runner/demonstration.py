"""What every demonstration consists of: a claim, an experiment, a verdict by a rule stated in advance, and figures."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import NoneType
from typing import Any, TypeAlias

from ...files import atomic_write, locked
from ...reading import LONGEST_JSON, json_value, limited, reading
from ...text import short
from .machine import machine, now
from .verdicts import Verdict

Numbers: TypeAlias = dict[str, Any]  # what was measured, as JSON can hold it
Rows: TypeAlias = list[Numbers]
Table: TypeAlias = tuple[list[str], list[list[str]]]  # headings, rows of text
Say: TypeAlias = Callable[[str], None]  # called with a line of progress
Figure: TypeAlias = Any  # matplotlib's Figure, an optional package

RESULT = "result"  # the part with all numbers of a demonstration
WAIT = 0.5  # seconds between looks at what another process computes
DAMAGED = ("not a result of a demonstration", "delete it, and it is measured again")


@dataclass(frozen=True)
class Setting:
    """Where and how a demonstration runs."""

    folder: Path  # for its results, one JSON file per part
    quick: bool = False  # small samples: all demonstrations in two minutes on two cores
    seed: int = 0
    seeds: int | None = None  # first weights of each network in a comparison of accuracies; None: as many as it plans
    images: Path | None = None  # a folder of images by class (train/CLASS, test/CLASS); None: the digits that come with the package
    say: Say = print

    def once(self, part: str, compute: Callable[[], Numbers]) -> Numbers:
        """`kept`, but of several processes that work in the folder only one computes it, and the others wait."""
        while not self.has(part):
            with self.locked(part) as ours:
                if ours:
                    self.kept(part, compute)
            if not ours:
                time.sleep(WAIT)
        return self.kept(part, compute)

    def kept(self, part: str, compute: Callable[[], Numbers]) -> Numbers:
        """The numbers of one part (a JSON-compatible dict): read from the file of an earlier run, or computed and written."""
        if not self.has(part):
            self._write(part, compute())
        return numbers_in(self._file(part))

    def result(self, compute: Callable[[], Numbers]) -> Numbers:
        """`kept` for all numbers of a demonstration; those of another number of seeds are replaced."""
        if not self.has(RESULT) or facts_in(self._file(RESULT)).get("seeds") != self.seeds:
            self._write(RESULT, compute())
        return numbers_in(self._file(RESULT))

    def _write(self, part: str, numbers: Numbers) -> None:
        facts = {"part": part, "quick": self.quick, "seed": self.seed, "seeds": self.seeds, "numbers": numbers}
        text = json.dumps(facts | {"finished": now(), "machine": machine()}, indent=1)
        self._file(part).parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(self._file(part)) as file:
            file.write(text.encode())

    def has(self, part: str) -> bool:
        """Whether the numbers of a part are there."""
        return self._file(part).exists()

    @contextmanager
    def locked(self, part: str) -> Iterator[bool]:
        """Within a with-block, no other process computes the part; False if one does already."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with locked(self.folder / f".{part}.lock") as ours:
            yield ours

    def _file(self, part: str) -> Path:
        return self.folder / f"{part}.json"

    def rows(self, part: str, compute: Callable[..., Rows], *arguments: Any) -> Rows:
        """The rows compute(*arguments) of one part, stored like the numbers of `once`."""
        rows: Rows = self.once(part, lambda: {"rows": compute(*arguments)})["rows"]
        return rows


def numbers_in(path: Path) -> Numbers:
    """The numbers that `Setting.once` has written to a file."""
    numbers: Numbers = facts_in(path)["numbers"]
    return numbers


def facts_in(path: Path) -> Numbers:
    """All that `Setting.once` has written to a file; DamagedFile, naming it, if it is anything else."""
    with reading(path, *DAMAGED), open(path, "rb") as file:
        facts: Numbers = json_value(limited(file, LONGEST_JSON), dict)
        numbers, machine = facts["numbers"], facts["machine"]
        known = isinstance(numbers, dict) and isinstance(machine["processor"], str) and isinstance(facts["finished"], str)
        if type(seeds := facts.get("seeds")) not in (int, NoneType):
            raise ValueError(f"its seeds are {short(seeds)}, expected an integer")
        if not known or any(isinstance(value, (list, dict)) for value in machine.values()):
            raise ValueError(f"its numbers are {short(numbers)}, its machine {short(machine)}, its time {short(facts['finished'])}")
        return facts


@dataclass(frozen=True)
class Demonstration:
    """One link of the argument of section 3, shown with numbers that the run itself produces."""

    name: str  # "arora": on the command line, and of its folder
    link: str  # "L1"
    title: str
    claim: str  # what the paper says, and where
    experiment: str  # what is measured, in two or three sentences
    rule: str  # which numbers mean "holds" and "holds partly", stated before any of them is measured
    measure: Callable[[Setting], Numbers]  # the experiment
    judge: Callable[[Numbers], Verdict]
    table: Callable[[Numbers], Table]  # for the report
    figures: dict[str, tuple[str, Callable[[Numbers, Figure], None]]] = field(default_factory=dict)  # "F1": (caption, draw)
    seeded: bool = False  # it compares networks of several first weights, as many as Setting.seeds says
