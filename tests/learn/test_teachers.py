"""A teacher's own exercises: judged like those of minigoog, verified, and refused by name if they are none."""

import inspect

import numpy as np
import pytest

from minigoog import learn
from minigoog.learn.shelf import Shelf, template

from .small import doubled, run

OWN = '''
import numpy as np
from minigoog.learn import Case, Exercise

def mean(x):
    """The mean of x [n]."""
    return x.sum() / len(x)

EXERCISE = Exercise(mean, np.mean, title="a mean", results=("mean",), secret=True,
    cases=[Case("two numbers", {"a": np.array([1.0, 3.0])})],
    mistakes={"This is the sum.": lambda x: x.sum(), "The last number is missing.": lambda x: x[:-1].sum() / len(x)})
'''.replace('"a": np', '"x": np').replace("np.mean,", "lambda x: np.mean(x),")


def test_a_teachers_exercises_are_judged_in_the_same_way(tmp_path, capsys):
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "01.py").write_text(OWN)
    own = ("--exercises", tmp_path / "own", "--folder", tmp_path / "ada")
    assert run(capsys, "verify", "--exercises", tmp_path / "own") == "mean: good\n"
    assert "mean(x)\n\nThe mean of x [n]." in run(capsys, "start", "mean", *own)
    (tmp_path / "ada" / "mean.py").write_text("def mean(x):\n    return sum(x)\n")
    assert "This is the sum.\n  1 of 1 numbers are wrong; the first is 4, expected 2." in run(capsys, "check", *own, code=1)
    assert "the solution of mean is not shown" in run(capsys, "solution", *own, code=2)
    assert learn.judge("mean", np.mean, tmp_path / "own") is False  # its parameter is not called x
    assert capsys.readouterr().out.startswith("mean: not yet\n  TypeError")


TASKS = [
    "Twice x:\n\n    y = 2 * x\n\nNo more.", r"With \alpha and \d+, \x and \N." "\n\\\nA backslash alone.",
    'Say """twice"""\n"quoted"', "It ends with \\", 'It is "x"', "é ∂x",
    "A null \0, a return \r, a feed \f, a line \u2028 and half a \ud800 character.",
]  # fmt: skip


@pytest.mark.parametrize("task", TASKS)
def test_a_task_of_any_text_is_the_same_in_the_learners_file(tmp_path, task):
    def double(x):
        return 2 * x

    double.__doc__ = task
    exercise, shelf = doubled(solution=double), Shelf(tmp_path)
    shelf.start(exercise)
    assert inspect.getdoc(shelf.function(exercise)) == exercise.task == task


def test_a_task_with_backslashes_is_as_readable_in_the_file_as_in_the_exercise():
    def double(x):
        r"""From \alpha to \beta."""
        return 2 * x

    assert r'    r"""From \alpha to \beta."""' in template(doubled(solution=double)).splitlines()


def test_verify_says_what_a_teacher_should_repair(tmp_path, capsys):
    (tmp_path / "mean.py").write_text(OWN.replace("[1.0, 3.0]", "[0.0, 0.0]").replace("x.sum() / len(x)\n", "x.sum()\n"))
    said = run(capsys, "verify", "--exercises", tmp_path, code=1)
    assert said.splitlines() == ["mean: at fault", "  no case reveals the mistake 'This is the sum.'",
                                 "  no case reveals the mistake 'The last number is missing.'"]  # fmt: skip
    (tmp_path / "mean.py").write_text(OWN.replace("x.sum() / len(x)\n", "x.sum()\n"))
    assert "the solution is judged wrong: This is the sum." in run(capsys, "verify", "--exercises", tmp_path, code=1)


@pytest.mark.parametrize(("text", "said"), [
    ("x = 1", "expected EXERCISE = minigoog.learn.Exercise"), ("raise SystemExit", "mean.py: ends the program, expected EXERCISE ="),
    (OWN.replace("def mean", "def Mean").replace("(mean,", "(Mean,"), "expected a name of small letters"),
    (OWN.replace('"""The mean of x [n]."""', ""), "expected a docstring of `solution`, which is the task"),
])  # fmt: skip
def test_an_exercise_that_is_none_is_refused(tmp_path, capsys, text, said):
    (tmp_path / "mean.py").write_text(text)
    assert said in run(capsys, "list", "--exercises", tmp_path, code=2)
