"""Exercises that check themselves: a function to fill in, and a judge that says what is wrong with this answer.

In a notebook, `minigoog.learn.judge("convolve", my_function)` prints the verdict. A teacher's own exercises are files that each have an
`EXERCISE = Exercise(...)`, like those in `minigoog/learn/exercises/`."""

from .asking import case, judge
from .exercise import Case, Exercise

__all__ = ["Case", "Exercise", "case", "judge"]
