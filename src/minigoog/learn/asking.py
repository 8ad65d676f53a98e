"""From Python and notebooks: judging a function, and the arguments of a case."""

from copy import deepcopy
from pathlib import Path
from typing import Any

from ..checks import check_int
from .exercise import Function, collection, named
from .judging import verdict


def judge(name: str, function: Function, exercises: str | Path | None = None) -> bool:
    """Prints what the judge says about `function` as an answer to the exercise `name`; returns whether it is right.

    exercises: a teacher's folder, in place of the exercises of minigoog."""
    said = verdict(named(collection(exercises), name), function)
    print(said)
    return said.right


def case(name: str, number: int, exercises: str | Path | None = None) -> dict[str, Any]:
    """The arguments of a case of the exercise `name`, by their names, to try a function on: function(**case("convolve", 1))."""
    cases = named(collection(exercises), name).cases
    check_int("case", "number", number, 1)
    if number > len(cases):
        raise ValueError(f"case: `number` is {number}, expected 1 to {len(cases)}")
    return deepcopy(dict(cases[number - 1].arguments))
