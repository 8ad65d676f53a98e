"""What the trainer notices, and what it does not cry wolf about."""

import math

import numpy as np
import pytest

import minigoog as mg
from minigoog.train.diagnostics import Diagnostics, watched

GUESS = math.log(1000)


def watch():
    return Diagnostics(mg.models.TinyInception(), np.arange(1000), 1000)


def warnings(watch, losses_by_look, norms):
    return [text for i, losses in enumerate(losses_by_look, start=1) for text in watch.log(50 * i, losses, norms)]


GOOD = {"inception2a": 0.5, "inception3b": 1.0}


def test_a_loss_that_stays_at_guessing_is_said_once_with_the_cure():
    said = warnings(watch(), [[GUESS * 1.001]] * 20, GOOD)
    assert len(said) == 1 and "the loss is 6.915 and has been near ln(classes) = 6.908" in said[0] and "smaller --lr (0.005" in said[0]


def test_a_head_that_does_not_move_is_named():
    said = warnings(watch(), [[5 - 0.1 * i, GUESS, GUESS - 0.3 * i] for i in range(20)], GOOD)
    assert len(said) == 1 and "auxiliary head 1" in said[0]


def test_guessing_by_the_frequency_of_the_classes_is_guessing_too():
    uneven = Diagnostics(mg.models.TinyInception(), np.repeat([0, 1], [90, 10]), 2)
    said = warnings(uneven, [[0.325]] * 20, GOOD)
    assert len(said) == 1 and "has been near the entropy of the classes = 0.325" in said[0]


def test_a_head_that_stands_still_elsewhere_is_said_unless_it_is_near_0():
    said = warnings(watch(), [[4.0, 0.01, 3.0 - 0.1 * i] for i in range(20)], GOOD)
    assert len(said) == 1 and "the loss is 4.000 and has not changed for 300 steps" in said[0]


@pytest.mark.parametrize("smoothing, said", [(0.0, 1), (0.2, 0)])
def test_what_smoothed_labels_leave_of_a_loss_does_not_count(smoothing, said):
    """Half of a network's loss, with 10 classes: it learns, slower than the mean over some steps jitters."""
    found = Diagnostics(mg.models.TinyInception(), np.arange(10), 10, smoothing)
    assert len(warnings(found, [[1.36 + 0.01 * (i % 2)] for i in range(20)], GOOD)) == said


def test_guessing_of_smoothed_labels_is_guessing_too():
    uneven = Diagnostics(mg.models.TinyInception(), np.repeat([0, 1], [90, 10]), 2, 0.2)
    guess = -(0.82 * math.log(0.82) + 0.18 * math.log(0.18))
    (said,) = warnings(uneven, [[guess]] * 20, GOOD)
    assert "has been near the entropy of the classes = 0.471" in said
    assert warnings(uneven, [[0.34]] * 20, GOOD) == []  # all but known: the best network has 0.325


def test_auxiliary_heads_are_a_cure_only_where_there_are_some():
    (alone,) = warnings(watch(), [[GUESS]] * 20, GOOD)
    (first, *_) = warnings(watch(), [[GUESS, 1.0]] * 20, GOOD)
    assert "--aux-weight" not in alone and "--aux-weight 0.3" in first


def test_a_loss_that_jitters_moves():
    assert warnings(watch(), [[4.0 + 0.05 * (i % 2)] for i in range(20)], GOOD) == []


def test_a_dead_network_has_no_gradient():
    said = warnings(watch(), [[3.0 - 0.1 * i] for i in range(10)], {"inception2a": 0.0, "inception3b": 0.0})
    assert len(said) == 1 and "the gradient at inception2a is 0.0e+00" in said[0]


def test_a_loss_that_falls_is_no_reason_to_warn():
    assert warnings(watch(), [[GUESS - 0.05 * i] for i in range(30)], GOOD) == []


def test_a_gradient_that_vanishes_on_its_way_is_said():
    said = warnings(watch(), [[3.0 - 0.1 * i] for i in range(10)], {"inception2a": 1e-6, "inception3b": 1.0})
    assert len(said) == 1 and "the gradient at inception2a is 1.0e-06, at inception3b 1.0e+00: it vanishes" in said[0]


def test_googlenet_is_watched_where_the_paper_has_its_heads():
    assert list(watched(mg.models.GoogLeNet(num_classes=3))) == ["inception3a", "inception4a", "inception4d", "inception5b"]
    assert list(watched(mg.models.TinyInception())) == ["inception2a", "inception2b", "inception3a", "inception3b"]
    assert "c1" in watched(mg.models.LeNet5())


def test_frozen_modules_are_not_watched():
    model = mg.models.TinyInception()
    frozen = [*model.inception2a.parameters(), model.inception2b.parameters()[0]]
    for parameter in frozen:
        parameter.requires_grad = False
    found = watched(model)
    assert list(found) == ["inception2b", "inception3a", "inception3b"]
    assert not any(parameter is one for parameters in found.values() for parameter in parameters for one in frozen)
