"""What an exercise is, and the collection of those that ship with minigoog."""

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from runpy import run_path
from typing import Any

from ..text import listed, printable

Function = Callable[..., Any]
SHIPPED = ("convolve", "im2col", "convolution_gradients", "max_pool_gradient", "inception", "softmax_gradient", "momentum")
NAME = re.compile(r"[a-z]\w*\Z", re.ASCII)


@dataclass(frozen=True)
class Case:
    """One question to the learner's function: what is special about it, in a few words, and the arguments by their names."""

    about: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True)
class Exercise:
    """A function to fill in.

    solution: a right answer; its name is that of the exercise, its parameters and docstring are the learner's, so the docstring is the
    task. expected: computes the right results by other means, from the arguments by their names. cases: from the simplest to the
    hardest. mistakes: {what to say: a wrong answer}; whoever computes the same as that function is told so. Results are an array or a
    tuple of arrays, called `results`. hints: from vague to clear. chapter: of the tour. given: what the learner's file begins with.
    secret: no program shows the solution."""

    solution: Function
    expected: Function
    cases: Sequence[Case]
    mistakes: Mapping[str, Function]
    title: str
    results: Sequence[str] = ("result",)
    hints: Sequence[str] = ()
    chapter: int | None = None
    given: str = "import numpy as np"
    secret: bool = False
    name: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", self.solution.__name__)
        if not NAME.match(self.name):
            raise ValueError(f"Exercise: `solution` is called {printable(self.name)!r}, expected a name of small letters")
        for what, there in (("cases", self.cases), ("a docstring of `solution`, which is the task", self.solution.__doc__)):
            if not there:
                raise ValueError(f"Exercise {self.name}: expected {what}")
        for case in self.cases:
            inspect.signature(self.solution).bind(**case.arguments)

    @property
    def signature(self) -> str:
        """name(parameters), without types."""
        return f"{self.name}({', '.join(inspect.signature(self.solution).parameters)})"

    @property
    def task(self) -> str:
        """What the function has to do."""
        return inspect.getdoc(self.solution) or ""


def collection(folder: str | Path | None = None) -> dict[str, Exercise]:
    """{name: exercise} in their order: those of minigoog, or of a teacher's folder, whose files run in the order of their names.

    ValueError, naming the folder or file, if there are none, for a name that is there twice, and for a file without an EXERCISE."""
    if folder is None:
        return {name: import_module(f".exercises.{name}", __package__).EXERCISE for name in SHIPPED}
    found: dict[str, Exercise] = {}
    for path in sorted(Path(folder).glob("*.py")):
        try:
            exercise = run_path(str(path)).get("EXERCISE")
        except SystemExit:  # would end the program as if it had done its work
            raise ValueError(f"{printable(path)}: ends the program, expected EXERCISE = minigoog.learn.Exercise(...)") from None
        if not isinstance(exercise, Exercise):
            raise ValueError(f"{printable(path)}: expected EXERCISE = minigoog.learn.Exercise(...)")
        if exercise.name in found:
            raise ValueError(f"{printable(path)}: a second exercise is called {exercise.name}")
        found[exercise.name] = exercise
    if not found:
        raise ValueError(f"{printable(folder)}: no exercises, expected files that end with .py")
    return found


def named(exercises: Mapping[str, Exercise], name: str) -> Exercise:
    """The exercise of this name; ValueError, with the names that there are, for another."""
    if name not in exercises:
        raise ValueError(f"no exercise is called {printable(name)!r}, but {listed(exercises, 20)}")
    return exercises[name]
