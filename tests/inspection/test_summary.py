"""Summaries and differences of models, as they are printed. MINIGOOG_UPDATE_GOLDEN=1 writes the golden files anew."""

import os
from pathlib import Path

import numpy as np
import pytest

import minigoog as mg

GOLDEN = Path(__file__).parent.parent / "golden"


def assert_golden(name, text):
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("MINIGOOG_UPDATE_GOLDEN") == "1":
        path.write_text(text + "\n")
    assert text + "\n" == path.read_text()


@pytest.fixture(scope="module")
def googlenet():
    return mg.models.GoogLeNet().eval()


def test_the_summary_of_googlenet_sets_the_paper_beside_the_computed_table(googlenet):
    assert_golden("summary_googlenet", str(mg.summary(googlenet, (224, 224, 3))))


def test_the_summary_of_a_small_model_is_a_table():
    assert_golden("summary_lenet5", str(mg.summary(mg.models.LeNet5(), (32, 32, 1))))


def test_the_difference_of_the_variants_is_what_torchvision_changed(googlenet):
    assert_golden("diff_googlenet", str(mg.diff(googlenet.train(), mg.models.GoogLeNet(variant="torchvision"))))


def test_a_model_does_not_differ_from_itself():
    assert str(mg.diff(mg.models.TinyInception(), mg.models.TinyInception(), (8, 8, 1))) == "no difference"


def test_a_layer_that_only_one_model_has_is_shown_with_its_cost():
    a, b = mg.nn.Sequential(one=mg.nn.Conv2d(3, 4, 1)), mg.nn.Sequential(one=mg.nn.Conv2d(3, 4, 1), two=mg.nn.Conv2d(4, 2, 3, padding=1))
    (row,) = mg.diff(a, b, (5, 5, 3)).rows
    assert (row.name, row.a, row.parameters, row.multiply_adds) == ("two", "", 4 * 2 * 9 + 2, 25 * 4 * 2 * 9)


def test_a_summary_leaves_the_model_as_it_was():
    mg.manual_seed(5)
    model = mg.models.TinyInception()
    before = {name: array.copy() for name, array in model.state_dict().items()}
    mg.summary(model, (8, 8, 1))
    assert model.training and all(p.grad is None for p in model.parameters())
    assert all("forward" not in vars(module) for _, module in model.named_modules())
    assert all(np.array_equal(array, before[name]) for name, array in model.state_dict().items())
    x, after = mg.Tensor(np.ones((1, 8, 8, 1), np.float32)), model.state_dict()
    with_summary = model(x).data  # dropout: the numbers that would have come without the summary
    mg.manual_seed(5)
    again = mg.models.TinyInception()
    again.load_state_dict(after)
    assert np.array_equal(again(x).data, with_summary)


def test_a_summary_leaves_running_averages_as_they_were():
    model = mg.models.TinyInception(norm=True)
    before = {name: array.copy() for name, array in model.state_dict().items()}
    mg.summary(model, (8, 8, 1))
    assert model.training and all(np.array_equal(array, before[name]) for name, array in model.state_dict().items())


class Twice(mg.nn.Module):
    def __init__(self):
        self.layer = mg.nn.Conv2d(3, 3, 1)

    def forward(self, x):
        return self.layer(self.layer(x))


def test_a_layer_that_runs_twice_has_its_parameters_once_and_its_work_twice():
    table = mg.summary(Twice(), (5, 5, 3))
    assert (table.parameters, table.multiply_adds) == (12, 2 * 25 * 9)


def test_an_impossible_input_shape_is_named():
    with pytest.raises(TypeError, match=r"`input_shape` is \(8, 8\), expected a tuple of 4 integers"):
        mg.summary(mg.models.TinyInception(), (8, 8))
    with pytest.raises(ValueError, match=r"`w` takes 1 channels but `x` has 3"):
        mg.summary(mg.models.TinyInception(), (8, 8, 3))
