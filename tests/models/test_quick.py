"""QuickInception: its sizes, and how it begins."""

import numpy as np
import pytest

import minigoog as mg
from minigoog.models import QuickInception


def numbers(*shape):
    return np.random.default_rng(7).standard_normal(shape).astype(np.float32)


def test_it_has_the_weights_and_products_of_its_table():
    # windows * inputs * outputs of stem, 3x3, 1x1 and 3x3 of each group, classifier; and what a map of 32x32 pixels makes of them
    weights = [9 * 3 * 24, 9 * 24 * 32, 32 * 8, 9 * 32 * 24, 9 * 32 * 128, 128 * 32, 9 * 128 * 96]
    weights += [9 * 128 * 128, 128 * 32, 9 * 128 * 96, 1280]
    pixels = [1024, 1024, 256, 256, 256, 64, 64, 64, 16, 16, 1]
    normalised = 2 * (32 + 32 + 128 + 128 + 128 + 128)
    assert sum(p.data.size for p in QuickInception().parameters()) == sum(weights) + 24 + normalised
    found = mg.summary(QuickInception().eval(), (32, 32, 3)).multiply_adds
    assert found == sum(w * n for w, n in zip(weights, pixels, strict=True))


@pytest.mark.parametrize("size, channels", [(8, 1), (28, 1), (29, 3), (48, 3)])
def test_it_takes_small_images_of_any_size(size, channels):
    model = QuickInception(3, in_channels=channels, width=8).eval()
    assert model(mg.Tensor(numbers(2, size, size, channels))).shape == (2, 3)


def test_a_convolution_begins_by_passing_its_input_on():
    mg.manual_seed(0)
    model, x = QuickInception(width=8), numbers(1, 6, 6, 24)
    y = model.conv2.conv(mg.Tensor(x)).data
    np.testing.assert_allclose(y, x[..., :8], atol=1e-5)  # 8 outputs, all of which are inputs
    more = mg.nn.init.dirac((3, 3, 50, 200))
    assert more[..., 50:].std() == pytest.approx((3 * 450) ** -0.5, rel=0.02)  # PyTorch's first weights of a convolution


def test_a_wrong_width_is_named():
    with pytest.raises(ValueError, match="QuickInception: `width` is 3, expected"):
        QuickInception(width=3)


@pytest.mark.skipif(mg.kernels.native is None, reason="the C kernels were not built: there is nothing to compile to")
def test_its_plan_computes_what_it_computes():
    mg.manual_seed(1)
    model, x = QuickInception(), numbers(5, 32, 32, 3)
    for _ in range(3):  # running averages that differ from 0 and 1
        model(mg.Tensor(x))
    with mg.no_grad():
        expected = model.eval()(mg.Tensor(x)).data
    got = mg.compile(model, x.shape)(x)
    assert np.abs(got - expected).max() <= 1e-5 * np.abs(expected).max()
