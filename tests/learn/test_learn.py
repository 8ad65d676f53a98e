"""The exercises: right answers are right, each typical mistake gets its own message, and whatever else a learner may write is told."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from minigoog import learn
from minigoog.learn import __main__ as program
from minigoog.learn.comparing import differences
from minigoog.learn.exercise import SHIPPED, collection
from minigoog.learn.judging import verdict
from minigoog.learn.shelf import template

from .small import doubled, run

TOUR = Path(__file__).resolve().parents[2] / "docs" / "tour"
MISTAKES = [(name, said) for name, exercise in collection().items() for said in exercise.mistakes]


def convolution(x, w, b, stride, padding):
    """As chapter 2 has it: written here once more, as a learner would."""
    n, height, width, cin = x.shape
    size_y, size_x, _, cout = w.shape
    around = np.zeros((n, height + 2 * padding, width + 2 * padding, cin))
    around[:, padding : padding + height, padding : padding + width] = x
    rows, columns = (height + 2 * padding - size_y) // stride + 1, (width + 2 * padding - size_x) // stride + 1
    y = np.zeros((n, rows, columns, cout)) + b
    for ky, kx in np.ndindex(size_y, size_x):
        y += around[:, ky : ky + rows * stride : stride, kx : kx + columns * stride : stride][:, :rows, :columns] @ w[ky, kx]
    return y


@pytest.mark.parametrize("name", SHIPPED)
def test_the_solution_that_is_shown_is_right_as_a_learners_file(name, tmp_path, capsys):
    program.main(["solution", name])
    (tmp_path / f"{name}.py").write_text(capsys.readouterr().out)
    program.main(["check", name, "--folder", str(tmp_path)])
    assert capsys.readouterr().out == f"{name}: right, in all {len(collection()[name].cases)} cases\n"


def test_an_answer_written_in_another_way_is_right():
    assert verdict(collection()["convolve"], convolution).right


@pytest.mark.parametrize(("name", "said"), MISTAKES, ids=lambda text: text[:40])
def test_each_typical_mistake_is_told_with_its_own_words_and_a_number(name, said):
    found = verdict(collection()[name], collection()[name].mistakes[said])
    assert not found.right and found.message.splitlines()[0] == said, found
    assert found.message.count("\n") >= 1, found


def test_the_mistakes_that_learners_make_are_told_when_they_are_written_as_learners_write_them():
    def transposed(x, w, b, stride, padding):
        return convolution(x, np.swapaxes(w, 0, 1), b, stride, padding)

    assert verdict(collection()["convolve"], transposed).message.startswith("The weights are transposed")
    off_by_one = verdict(collection()["convolve"], lambda x, w, b, stride, padding: convolution(x, w, b, stride, padding + 1))
    assert off_by_one.message.splitlines() == ["The padding is off by one: too much.", "The shape is (1, 4, 4, 1), expected (1, 2, 2, 1)."]

    def not_summed(x, w, dy):
        dx, dw, _ = collection()["convolution_gradients"].solution(x, w, dy)
        return dx, dw, dy.sum((1, 2))

    assert verdict(collection()["convolution_gradients"], not_summed).message.startswith("db is not summed over the batch")


def test_two_mistakes_at_once_are_told_one_after_the_other():
    def two(x, w, b, stride, padding):
        return convolution(x, w.transpose(1, 0, 2, 3), 0 * b, stride, padding)

    found = verdict(collection()["convolve"], two)
    assert found.number == 1 and found.message.startswith("It looks like this: The weights are transposed")


def nothing(x):
    return None


@pytest.mark.parametrize(("answer", "said"), [
    (nothing, "returns nothing: is the `return` missing?"),
    (lambda x: 2 * x + np.nan, "4 of 4 numbers are not finite"),
    (lambda x: np.zeros((2, 2)), "All numbers are 0."),
    (lambda x: -2 * x, "All numbers have the wrong sign."),
    (lambda x: x / 2, "All numbers are 1/4 times what they should be."),
    (lambda x: (2 * x).T, "The axes are in another order: .transpose(1, 0) would make it right."),
    (lambda x: 2 * x[::-1], "Axis 0 runs backwards."),
    (lambda x: (2 * x).ravel(), "The shape is (4,), expected (2, 2).\nThe numbers are right, in the right order: .reshape would do."),
    (lambda x: 2 * x + [[0, 0], [0, 1]], "1 of 4 numbers are wrong; the first, [1, 1], is 9, expected 8."),
    (lambda x: "six", "returns 'six', expected an array of numbers"),
    (lambda x: x.fold(), "AttributeError in line"),
    (lambda x: (x.sort(), 2 * x)[1] if x.partition(0) else x.__imul__(2), "Your function changes its argument `x`."),
])  # fmt: skip
def test_whatever_else_is_wrong_is_described(answer, said):
    assert said in verdict(doubled(), answer).message


def test_a_difference_at_the_edge_in_later_images_or_later_channels_is_named():
    right = np.random.default_rng(0).standard_normal((2, 5, 5, 3))
    edge, image, channel = right.copy(), right.copy(), right.copy()
    edge[:, 0], image[1], channel[..., 1] = 0, 0, 0
    assert "at its edges some are wrong" in next(differences(right, edge))
    assert "of later ones it is not" in next(differences(right, image))
    assert "Channel 0 is right" in next(differences(right, channel))


def test_rounding_is_no_mistake_and_lists_and_tensors_are_answers():
    from minigoog import Tensor

    for answer in (lambda x: 2 * x + 1e-5, lambda x: (2 * x).tolist(), lambda x: Tensor(2 * x)):
        assert verdict(doubled(), answer).right


# ---- the program ----


def test_a_learners_hour_with_progress_kept(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "0 of 7 are right. Next: python -m minigoog.learn start convolve" in run(capsys)
    assert "then: python -m minigoog.learn check convolve" in run(capsys, "start")
    file = tmp_path / "exercises" / "convolve.py"
    assert "The function is still empty" in run(capsys, "check", code=1)
    file.write_text(file.read_text().replace("raise NotImplementedError", "return x[9]"))
    said = run(capsys, "check", "1", code=1)
    assert "IndexError in line 9: return x[9]" in said and "x of shape (1, 4, 4, 1)" in said and "case('convolve', 1)" in said
    assert "was there already" in run(capsys, "start", "convolve") and "x[9]" in file.read_text()
    assert "1. Four loops" in run(capsys, "hint") and "2. Pad x first" in run(capsys, "hint", "convolve")
    program.main(["solution", "convolve"])
    file.write_text(capsys.readouterr().out)
    assert run(capsys, "check") == "convolve: right, in all 7 cases\n"
    listed = run(capsys, "list")
    assert re.search(r"1  convolve .* right, after 3 tries", listed) and "Next: python -m minigoog.learn start im2col" in listed
    assert json.loads((tmp_path / "exercises" / "progress.json").read_text()) == {"convolve": {"tries": 3, "right": True, "hints": 2}}


@pytest.mark.parametrize(("text", "said"), [
    ("def im2col(x, size, stride)\n", "im2col.py, line 1: expected ':': def im2col(x, size, stride)"),
    ("x = 1\n", "im2col.py: expected a function def im2col(x, size, stride)"),
    ("\n1 / 0\n", "im2col.py: ZeroDivisionError in line 2: 1 / 0"),
])  # fmt: skip
def test_a_file_that_cannot_be_run_is_named_with_its_line(tmp_path, capsys, text, said):
    (tmp_path / "im2col.py").write_text(text)
    assert said in run(capsys, "check", "--folder", tmp_path, code=2)


@pytest.mark.parametrize(("text", "said"), [
    ("import sys\nsys.exit()\n", "Your file ends the program, so there is no function to ask.\n  SystemExit in line 2: sys.exit()"),
    ("def convolve(x, w, b, stride, padding):\n    raise SystemExit(0)\n", "SystemExit in line 2: raise SystemExit(0)"),
    ("def convolve(x, w, b, stride, padding):\n    raise GeneratorExit\n", "GeneratorExit in line 2: raise GeneratorExit"),
])  # fmt: skip
def test_an_answer_that_ends_the_program_is_not_right_and_the_others_are_judged(tmp_path, capsys, text, said):
    (tmp_path / "convolve.py").write_text(text)
    program.main(["solution", "momentum"])
    (tmp_path / "momentum.py").write_text(capsys.readouterr().out)
    shown = run(capsys, "check", "--folder", tmp_path, code=1)
    assert said in shown and "momentum: right, in all" in shown and "case 0" not in shown
    assert json.loads((tmp_path / "progress.json").read_text())["convolve"] == {"tries": 1, "right": False, "hints": 0}


def test_the_answers_beside_a_file_that_cannot_be_run_are_judged(tmp_path, capsys):
    (tmp_path / "convolve.py").write_text("1 / 0\n")
    (tmp_path / "im2col.py").write_text("def im2col(x, size, stride)\n")
    (tmp_path / "momentum.py").write_text("def momentum(w, v, dw, rate, momentum):\n    return w, v\n")
    shown = run(capsys, "check", "--folder", tmp_path, code=2)
    assert all(words in shown for words in ("convolve.py: ZeroDivisionError", "im2col.py, line 1: expected ':'", "momentum: not yet"))


@pytest.mark.parametrize(("words", "said"), [
    (["check"], "no answers yet"),
    (["check", "im2col"], "im2col.py: no such file; python -m minigoog.learn start im2col writes it"),
    (["start", "im3col"], "no exercise is called 'im3col', but convolve, im2col, "),
    (["start", "8"], "no exercise is called '8'"),
    (["list", "--exercises", "nowhere"], "nowhere: no exercises"),
])  # fmt: skip
def test_wrong_words_are_answered_in_one_line(tmp_path, capsys, monkeypatch, words, said):
    monkeypatch.chdir(tmp_path)
    shown = run(capsys, *words, code=2)
    assert said in shown and shown.count("\n") == 1


def test_a_damaged_progress_is_named(tmp_path, capsys):
    for text in ("[]", '{"convolve": {"tries": "x"}}', '{"convolve": {"trees": 1}}', "{"):
        (tmp_path / "progress.json").write_text(text)
        assert "progress.json: not the progress of minigoog.learn (" in run(capsys, "list", "--folder", tmp_path, code=2)


def test_the_arguments_of_a_case_are_copies_and_its_number_is_checked():
    first = learn.case("convolve", 1)
    first["x"][:] = 0
    assert learn.case("convolve", 1)["x"].any() and not convolution(**first).any()
    with pytest.raises(ValueError, match="case: `number` is 8, expected 1 to 7"):
        learn.case("convolve", 8)


def test_each_exercise_is_named_in_its_chapter_and_its_task_has_short_lines():
    for name, exercise in collection().items():
        (chapter,) = TOUR.glob(f"{exercise.chapter:02d}_*.md")
        assert re.search(rf"start {name}\b", chapter.read_text()), chapter
        assert max(map(len, template(exercise).splitlines())) <= 140 and len(exercise.hints) >= 2


def test_the_program_runs_as_a_module_and_under_the_common_name(tmp_path):
    for words in (["minigoog.learn"], ["minigoog", "learn"]):
        done = subprocess.run([sys.executable, "-m", *words], capture_output=True, text=True, timeout=60, cwd=tmp_path)
        assert done.returncode == 0 and f"Next: python -m {' '.join(words)} start convolve" in done.stdout, done.stderr


# ---- docs/exercises.md ----

PAGE = (TOUR.parent / "exercises.md").read_text()


def test_the_page_shows_what_the_judge_says(tmp_path, capsys):
    (tmp_path / "convolve.py").write_text(
        "from minigoog.learn.exercises.convolve import convolve as right\n"
        "def convolve(x, w, b, stride, padding): return right(x, w.swapaxes(0, 1), b, stride, padding)\n")  # fmt: skip
    assert run(capsys, "check", "--folder", tmp_path, code=1) in PAGE


def test_the_exercise_on_the_page_is_good(tmp_path, capsys):
    (tmp_path / "mean.py").write_text(re.search(r"```python\n(.*?)```", PAGE, re.S)[1])
    assert run(capsys, "verify", "--exercises", tmp_path) == "mean: good\n"
