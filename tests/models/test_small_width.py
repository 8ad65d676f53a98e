"""SmallInception with fewer channels: dense networks to compare pruned ones with."""

import numpy as np
import pytest

import minigoog as mg
from minigoog import Tensor
from minigoog.importing.state_dicts import recognise


def parameters(**settings):
    return sum(p.data.size for p in mg.models.SmallInception(**settings).parameters())


def test_parameters_grow_with_the_square_of_the_width():
    assert parameters() == parameters(width=32)
    assert parameters(width=64) == pytest.approx(4 * parameters(), rel=0.01)
    assert parameters(width=16) == pytest.approx(parameters() / 4, rel=0.02)


@pytest.mark.parametrize("norm", [False, True])
@pytest.mark.parametrize("width", [4, 22, 32])
def test_a_state_dict_says_how_wide_its_network_is(width, norm):
    mg.manual_seed(0)
    model = mg.models.SmallInception(7, width=width, norm=norm).eval()
    found = recognise(model.state_dict())
    assert (found.model, found.arguments) == ("small", {"num_classes": 7, "in_channels": 3, "norm": norm, "width": width})
    again = mg.models.build(found.model, **found.arguments).eval()
    again.load_state_dict(found.weights)
    x = Tensor(np.random.default_rng(0).standard_normal((1, 32, 32, 3)).astype(np.float32))
    assert np.array_equal(again(x).data, model(x).data)


def test_a_wrong_width_is_named():
    with pytest.raises(ValueError, match="SmallInception: `width` is 3, expected"):
        mg.models.SmallInception(width=3)
