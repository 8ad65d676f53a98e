"""The fixed Gabor bank: Serre's table, gratings, and what C1 does not notice."""

import numpy as np
import pytest

import minigoog as mg
from minigoog import nn
from minigoog.nn.gabor import SIZES, circle, constants, gabor

# Serre et al. 2007, table 1: of sizes 7, 9, ..., 37
SIGMAS = (2.8, 3.6, 4.5, 5.4, 6.3, 7.3, 8.2, 9.2, 10.2, 11.3, 12.3, 13.4, 14.6, 15.8, 17.0, 18.2)
WAVELENGTHS = (3.5, 4.6, 5.6, 6.8, 7.9, 9.1, 10.3, 11.5, 12.7, 14.1, 15.4, 16.8, 18.2, 19.7, 21.2, 22.8)


def grating(angle, wavelength, size=64, contrast=1.0):
    """Stripes that change along `angle`: float32 [1, size, size, 1]."""
    y, x = np.mgrid[:size, :size]
    stripes = np.cos(2 * np.pi * (x * np.cos(angle) + y * np.sin(angle)) / wavelength)
    return (0.5 + contrast / 2 * stripes).astype(np.float32)[None, ..., None]


def test_the_generator_gives_serres_table():
    away = np.abs(np.array([constants(size) for size in SIZES]) - np.array([SIGMAS, WAVELENGTHS]).T)
    assert np.sort(away.ravel())[-2] <= 0.051 and away.max() < 0.08  # of 23 pixels the table has 12.7, and 46 / 3.6 is 12.78


@pytest.mark.parametrize("size", [7, 11, 37])
def test_filters_have_mean_0_and_norm_1_and_follow_the_formula(size):
    f = gabor(size, np.pi / 4)
    assert abs(f.sum()) < 1e-4 and (f**2).sum() == pytest.approx(1, abs=1e-5) and not f[~circle(size)].any()
    (sigma, wavelength), half = constants(size), size // 2
    raw = np.zeros((size, size))
    for i in range(size):
        for j in range(size):
            x, y = j - half, i - half
            x0, y0 = (x + y) / 2**0.5, (y - x) / 2**0.5
            raw[i, j] = np.exp(-(x0**2 + 0.09 * y0**2) / (2 * sigma**2)) * np.cos(2 * np.pi * x0 / wavelength)
    inside = circle(size)
    assert np.corrcoef(f[inside], raw[inside])[0, 1] == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("orientation", range(4))
def test_the_filter_of_a_gratings_angle_and_wavelength_answers_loudest(orientation):
    bank = nn.GaborBank((7, 11, 17, 25))
    for i, size in enumerate(bank.sizes):
        y = bank(mg.Tensor(grating(np.pi * orientation / 4, constants(size)[1]))).data[0, 28:36, 28:36].max(axis=(0, 1)).reshape(4, 4)
        assert y[i].argmax() == orientation and y[:, orientation].argmax() == i and 0.5 < y[i, orientation] <= 1.001


def test_contrast_and_sign_do_not_matter():
    bank = nn.GaborBank((11,))
    x = grating(0.3, 5.6) - 0.5
    strong, weak, inverted = (bank(mg.Tensor((x * scale).astype(np.float32))).data[:, 8:-8, 8:-8] for scale in (1, 0.2, -1))
    assert np.allclose(strong, weak, atol=1e-3) and np.allclose(strong, inverted, atol=1e-5)
    assert np.abs(bank(mg.Tensor(np.zeros((1, 20, 20, 1), np.float32))).data).max() == 0


def test_c1_notices_a_shift_less_than_s1():
    bank = nn.GaborBank((7, 9))
    pool = nn.GaborPool(bank)
    image = np.random.default_rng(0).random((1, 64, 64, 1)).astype(np.float32)
    moved = np.roll(image, 1, axis=2)
    s1, s1_moved = (bank(mg.Tensor(x)) for x in (image, moved))
    (c1,), (c1_moved,) = pool(s1), pool(s1_moved)

    def change(a, b):
        return np.abs(a.data - b.data).mean() / a.data.std()

    assert c1.shape == (1, 15, 15, 4) and change(c1, c1_moved) < change(s1, s1_moved) / 2
    whole = np.maximum(s1.data[..., :4], s1.data[..., 4:])
    assert c1.data[0, 3, 5].tolist() == whole[0, 12:20, 20:28].max(axis=(0, 1)).tolist()


def test_bands_of_the_whole_bank_and_wrong_sizes():
    bank = nn.GaborBank()
    assert nn.GaborPool(bank).windows == (8, 10, 12, 14, 16, 18, 20, 22) and not bank.parameters()
    assert repr(nn.GaborBank((7, 11))) and nn.GaborBank((7,)).multiply_adds((1, 10, 10, 1), (1, 10, 10, 4)) == 100 * 49 * 5
    with pytest.raises(ValueError, match=r"GaborBank: `sizes` is \(8,\), expected odd numbers"):
        nn.GaborBank((8,))
    with pytest.raises(ValueError, match="GaborPool: `bank` has 3 sizes, expected an even number"):
        nn.GaborPool(nn.GaborBank((7, 9, 11)))
