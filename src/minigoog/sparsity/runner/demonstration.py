"""What every demonstration consists of: a claim, an experiment, a verdict by a rule stated beforehand, and figures."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ...files import atomic_write
from .machine import machine, now

VERDICTS = ("holds", "holds partly", "not confirmed")


@dataclass(frozen=True)
class Setting:
    """Where and how a demonstration runs."""

    folder: Path  # for its results, one JSON file a part
    quick: bool = False  # all demonstrations together within two minutes on two cores
    seed: int = 0
    images: Path | None = None  # a folder of images by class (train/CLASS, test/CLASS); None: the digits that the package carries
    say: Callable[[str], None] = print  # told about progress, a line at a time

    def once(self, part, compute):
        """The numbers of one part (a dict that JSON can hold): read where an earlier run has left them, else computed and written."""
        path = Path(self.folder) / f"{part}.json"
        if path.exists():
            return json.loads(path.read_text())["numbers"]
        facts = {"part": part, "quick": self.quick, "seed": self.seed, "numbers": compute()}
        text = json.dumps(facts | {"finished": now(), "machine": machine()}, indent=1)
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as file:
            file.write(text.encode())
        return json.loads(text)["numbers"]


@dataclass(frozen=True)
class Demonstration:
    """One link of the argument of section 3, shown with numbers that the run itself produces."""

    name: str  # "arora": on the command line, and of its folder
    link: str  # "L1"
    title: str
    claim: str  # what the paper says, and where
    experiment: str  # what is done, in two or three sentences
    rule: str  # which numbers mean "holds" and "holds partly", said before any of them is measured
    measure: Callable[[Setting], dict]  # the experiment: numbers that JSON can hold
    judge: Callable[[dict], tuple[str, str]]  # numbers -> (one of VERDICTS, why: a sentence with the numbers in it)
    table: Callable[[dict], tuple[list, list]]  # numbers -> (headings, rows of text) for the report
    figures: dict = field(default_factory=dict)  # "F1": (caption, function (numbers, matplotlib Figure) that draws it)
