"""What an explanation of a number holds and prints, and how it refuses what is not there."""

import numpy as np
import pytest

import minigoog as mg
from minigoog import nn


@pytest.fixture(scope="module")
def tiny():
    mg.manual_seed(0)
    return mg.trace(mg.models.TinyInception(), mg.data.digits()[1].images[0], 0)


def test_an_explanation_holds_patch_filter_and_products(tiny):
    step = tiny["inception2a.branch3x3.conv"][0]
    e = step.explain(0, 7, 5)
    assert e.corner == (-1, 6) and e.factors["patch"].shape == e.factors["filter"].shape == e.products.shape == (3, 3, 16)
    assert not e.factors["patch"][0].any() and not e.factors["patch"][:, 2].any()  # the padding
    assert np.array_equal(e.factors["patch"][1:, :2], step.inputs[0][0, :2, 6:])
    assert np.array_equal(e.factors["filter"], step.inputs[1][..., 5])
    assert np.isclose(e.products.sum() + step.inputs[2][5], e.parts["before ReLU"])


def test_a_printed_explanation_shows_the_window_and_the_sum(tiny):
    text = str(tiny["conv1"][0].explain(3, 4, 5))
    assert text.startswith("conv1: output[0, 3, 4, 5] = max(sum(patch * filter) + bias, 0)")
    assert all(word in text for word in ("patch", "filter", "products", "bias", "before ReLU", "stored"))
    assert len(text.splitlines()) == 1 + 4 + 5
    deep = str(tiny["inception3a.branch3x3.conv"][0].explain(1, 1, 3))
    assert "products, added up over 32 channels" in deep and "6 strongest of 288 products (patch * filter):" in deep


def test_the_gradient_of_an_input_by_name(tiny):
    step = tiny["classifier"][1]
    assert step.explain_gradient(3, of="bias").stored == step.dxs[2][3]
    assert step.explain_gradient(7, 3, of="weight").stored == step.dxs[1][7, 3]
    assert step.explain_gradient(7).stored == tiny["classifier"][0].explain_gradient(0, 7, of=0).stored == step.dxs[0][0, 7]


def test_a_number_that_is_not_there_is_named(tiny):
    step = tiny["conv1"][0]
    with pytest.raises(ValueError, match=r"explain: `index\[1\]` is 8, expected at most 7"):
        step.explain(8, 0, 0)
    with pytest.raises(IndexError, match=r"expected 4 numbers for an array of shape \(1, 8, 8, 32\)"):
        step.explain(0, 0)
    with pytest.raises(ValueError, match="`of` is 'filter', expected one of input, weight, bias"):
        step.explain_gradient(0, 0, 0, of="filter")
    with pytest.raises(IndexError, match="expected 4 numbers"):
        step.explain_gradient(0, 0, 3, of="weight")
    (without,) = mg.trace(nn.Sequential(relu=nn.ReLU()), np.ones((2, 2, 1)))
    with pytest.raises(RuntimeError, match=r"relu has no gradients: give trace\(\) a label"):
        without.explain_gradient(0, 0, 0)
    layer = nn.Linear(1, 2)
    layer.weight.requires_grad = False
    frozen = mg.trace(nn.Sequential(mean=nn.GlobalAvgPool2d(), layer=layer), np.ones((2, 2, 1)), 0)["layer"][1]
    with pytest.raises(ValueError, match="the gradient of the weight of layer was not requested"):
        frozen.explain_gradient(0, 0, of="weight")
