"""The break-it lab: off, its tape is the engine's; on, each mistake does what its text says, and its checks catch it."""

import sys

import numpy as np
import pytest

import minigoog as mg
from minigoog import Tensor, ops
from minigoog.inspection import __main__ as program
from minigoog.inspection import lab
from minigoog.inspection.lab.tape import SWITCHES

STATED = {  # by hand: what the example's calculus gives, and what the mistake makes of it
    "order": ([6], [2]),  # d = b + 2b = 3 * 2a; b runs when only the 1 of the short way has come: 2
    "overwrite": ([4], [1]),  # c = 2 * 2a; the last 1 of each pair is all that is left
    "second-backward": ([4, 8], [4, 12]),  # the second pass meets b's old 2 and makes it 4: 4 + 2 * 4
    "aliasing": ([2, 1], [2, 2]),  # d = (a + b) + a; one array holds both gradients
    "float32": ([4], [4 * 33 * 2**-24 / 2e-6]),  # the ends are rounded to 1 + 16 * 2^-24 and 1 - 17 * 2^-24
    "kink": ([1], [1.1 / 2]),  # relu(1.1e-6) - relu(-0.9e-6), over 2e-6
}
each_mistake = pytest.mark.parametrize("mistake", lab.MISTAKES, ids=lambda m: m.name)


def test_every_mistake_is_here_and_those_of_the_tape_have_a_switch():
    assert [m.name for m in lab.MISTAKES] == list(STATED)
    assert set(SWITCHES) < set(STATED)


@each_mistake
def test_the_numbers_are_right_without_the_mistake_and_wrong_in_the_stated_way_with_it(mistake):
    right, wrong = STATED[mistake.name]
    assert list(mistake.numbers(mistake, False).values()) == pytest.approx(right, rel=1e-6)
    assert list(mistake.numbers(mistake, True).values()) == pytest.approx(wrong, rel=1e-6)


@each_mistake
def test_each_check_passes_without_the_mistake_and_catches_it(mistake):
    for check in mistake.checks:
        assert check(mistake, False)
        with pytest.raises(AssertionError, match=".+"):
            check(mistake, True)


def test_the_engine_gives_the_right_numbers_of_each_example_at_its_point():
    for mistake in lab.MISTAKES:
        inputs = [Tensor([value], requires_grad=True) for value in mistake.at.values()]
        mistake.example(*inputs).backward()
        right = STATED[mistake.name][0]
        assert [x.grad.item() for x in inputs] == pytest.approx(right[: len(inputs)])


def test_the_gradcheck_that_fails_says_that_each_operation_is_correct_by_itself():
    with pytest.raises(mg.GradcheckError, match="Each operation on the tape is correct by itself"):
        mg.gradcheck(lambda a: lab.LabTensor(ops.mul(a, a) + a, "overwrite"), [np.array([3.0])])


def test_the_tape_without_mistakes_gives_the_bits_of_the_engine_on_a_whole_network():
    x = np.random.default_rng(0).random((2, 8, 8, 1), np.float32)
    model = mg.models.TinyInception().eval()
    grads = []
    for backward in (lambda loss: loss.backward(retain_graph=True), lambda loss: lab.LabTape(loss).backward()):
        loss = mg.losses.cross_entropy(model(Tensor(x)), np.array([3, 4]))
        model.zero_grad()
        backward(loss)
        grads.append([p.grad for p in model.parameters()])
    assert all(np.array_equal(a, b) for a, b in zip(*grads, strict=True))


@pytest.mark.parametrize("mistake", ["order", "overwrite", "aliasing"])
def test_a_network_of_branches_and_a_residual_gets_wrong_gradients_from_each_mistake_of_the_tape(mistake):
    x = Tensor(np.random.default_rng(0).random((1, 6, 6, 2), np.float32), requires_grad=True)
    module = mg.nn.Inception(2, 3, 2, 4, 1, 2, 2)
    seen = []
    for mistakes in ((), (mistake,)):
        x.grad, y = None, module(x * 1.0)
        z = y * 2.0 + y * y
        lab.LabTape((z + z + y * y).sum() + (y + z).sum(), *mistakes).backward()
        seen.append(x.grad)
    assert not np.allclose(*seen)


def test_a_second_backward_without_the_mistake_adds_the_same_once_more_and_mistakes_can_be_combined():
    a = Tensor([1.0], requires_grad=True)
    tape = lab.LabTape((a + a) * 3.0)
    tape.backward()
    tape.backward()
    assert a.grad.tolist() == [12]
    a.grad = None
    lab.LabTape((a + a) * 3.0, "overwrite", "aliasing").backward()
    assert a.grad.tolist() == [3]


def test_unknown_mistakes_are_refused_by_name():
    with pytest.raises(ValueError, match="`mistakes` has 'typo', expected some of order, overwrite"):
        lab.LabTape(Tensor([1.0], requires_grad=True) * 2.0, "typo")
    with pytest.raises(ValueError, match="mistake: `name` is 'typo', expected one of order"):
        lab.mistake("typo")


def test_results_that_have_no_gradient_or_are_not_one_number_are_refused():
    with pytest.raises(ValueError, match="LabTape: `result` comes from no recorded operation"):
        lab.LabTape(Tensor([1.0]) * 2.0)
    with pytest.raises(ValueError, match="`function` gives 2 values, expected one"):
        lab.central_difference(lambda a: Tensor(np.ones(2)), [1.0])


def test_a_central_difference_is_that_of_calculus():
    assert lab.central_difference(lambda a, b: a * a * b, [3.0, 5.0]) == pytest.approx(30)
    assert lab.central_difference(lambda a, b: a * a * b, [3.0, 5.0], 1) == pytest.approx(9)


def run(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["inspection", "lab", *arguments])
    program.main()


def test_the_program_reports_on_all_mistakes_with_code_numbers_and_verdicts(monkeypatch, capsys):
    run(monkeypatch)
    *reports, what_next = capsys.readouterr().out.split("\n\n\n")
    assert len(reports) == len(lab.MISTAKES) and what_next.startswith("What next: ")
    for mistake, text in zip(lab.MISTAKES, reports, strict=True):
        assert text.startswith(f"{mistake.name}: {mistake.title}") and "    return " in text
        assert text.count("off  passes: ") == text.count("on   FAILS: ") == len(mistake.checks)


def test_the_program_reports_on_those_that_are_named_and_refuses_others_in_a_line(monkeypatch, capsys):
    run(monkeypatch, "overwrite")
    assert "    a.grad  right 4, with the mistake 1\n" in capsys.readouterr().out
    with pytest.raises(SystemExit) as stop:
        run(monkeypatch, "overwrite", "typo")
    assert stop.value.code == 2 and "`name` is 'typo'" in capsys.readouterr().err
