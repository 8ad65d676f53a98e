"""Each transform does what its name says in torchvision, by independent formulas; and randomness has the stated distribution."""

import inspect

import numpy as np
import pytest

import minigoog as mg
from minigoog.data import ArrayDataset, image_statistics
from minigoog.data import transforms as t
from minigoog.data.images import INTERPOLATIONS, resize


def picture(h=9, w=12, c=3, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (h, w, c), np.uint8)


def rng(seed=0):
    return np.random.default_rng(seed)


def test_a_random_crop_is_a_part_of_the_padded_image_and_every_part_occurs():
    image = picture(5, 5)
    padded = np.pad(image, ((2, 2), (2, 2), (0, 0)))
    parts = {padded[y : y + 5, x : x + 5].tobytes() for y in range(5) for x in range(5)}
    crop, generator = t.RandomCrop(5, padding=2), rng()
    assert {crop(image, generator).tobytes() for _ in range(600)} == parts and len(parts) == 25


@pytest.mark.parametrize("h, w, padding", [(5, 5, 2), (4, 7, 3), (3, 3, 9), (1, 6, 2)])
def test_a_reflected_border_is_that_of_numpy(h, w, padding):
    image = picture(h, w)
    padded = np.pad(image, ((padding, padding), (padding, padding), (0, 0)), "reflect")
    size = min(h, w) + padding
    rows, columns = (range(n + 2 * padding - size + 1) for n in (h, w))
    parts = {padded[y : y + size, x : x + size].tobytes() for y in rows for x in columns}
    crop, generator = t.RandomCrop(size, padding, padding_mode="reflect"), rng()
    assert {crop(image, generator).tobytes() for _ in range(2000)} == parts
    with pytest.raises(ValueError, match="RandomCrop: `padding_mode` is 'edge', expected one of constant, reflect"):
        t.RandomCrop(4, padding_mode="edge")


def test_cutout_removes_a_square_around_any_pixel():
    image, cut, generator = picture(6, 9) + 1, t.Cutout(3), rng()
    seen = {tuple(np.argwhere((cut(image, generator) == 0).all(axis=2)).ravel()) for _ in range(3000)}
    squares = set()
    for y in range(6):
        for x in range(9):
            square = np.zeros((6, 9), bool)
            square[max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2] = True
            squares.add(tuple(np.argwhere(square).ravel()))
    assert seen == squares and (image > 0).all()


def test_a_crop_larger_than_the_image_is_refused():
    with pytest.raises(ValueError, match="RandomCrop: the image has 5x5 pixels, expected at least 9 with a padding of 1 on each side"):
        t.RandomCrop(9, padding=1)(picture(5, 5), rng())
    with pytest.raises(ValueError, match="CenterCrop: the image has 5x7 pixels, expected at least 6x6"):
        t.CenterCrop(6)(picture(5, 7), rng())


def test_half_of_the_images_are_flipped():
    image, flip, generator = picture(), t.RandomHorizontalFlip(), rng()
    flipped = [(flip(image, generator) == image[:, ::-1]).all() for _ in range(400)]
    assert 150 < sum(flipped) < 250
    assert (t.RandomHorizontalFlip(1)(image, generator) == np.fliplr(image)).all()


def test_the_centre_is_where_torchvision_has_it():
    image = picture(9, 12)
    assert (t.CenterCrop(4)(image, None) == image[2:6, 4:8]).all()  # round((9 - 4) / 2) = 2


def test_boxes_of_random_resized_crops_have_the_papers_areas_and_ratios():
    crop, generator = t.RandomResizedCrop(32), rng()
    boxes = np.array([crop.box(375, 500, generator) for _ in range(4000)], float)
    area, ratio = boxes[:, 2] * boxes[:, 3] / (375 * 500), boxes[:, 3] / boxes[:, 2]
    assert area.min() >= 0.078 and area.max() <= 1 and ratio.min() >= 0.745 and ratio.max() <= 1.345
    assert abs(np.mean(area[area < 0.5]) - 0.29) < 0.01  # uniform where everything fits: (0.08 + 0.5) / 2
    assert abs(np.mean(np.log(ratio[area < 0.5]))) < 0.02  # as often wide as high
    inside = (boxes[:, :2] >= 0).all(axis=1) & (boxes[:, 0] + boxes[:, 2] <= 375) & (boxes[:, 1] + boxes[:, 3] <= 500)
    assert inside.all()


def test_an_image_too_long_for_any_ratio_gives_its_centre():
    assert t.RandomResizedCrop(8).box(10, 1000, rng()) == (0, 493, 10, 13)


def test_normalize_is_the_formula():
    image = picture()
    y = t.Normalize([1, 2, 3], [4, 5, 6])(image, None)
    assert y.dtype == np.float32 and np.allclose(y, (image - np.array([1.0, 2, 3])) / np.array([4.0, 5, 6]), rtol=1e-6)
    assert np.array_equal(t.Normalize([7], [3])(image, None), t.Normalize([7] * 3, [3] * 3)(image, None))
    assert t.Normalize([7], [3])(image[:0], None).shape == image[:0].shape


def test_each_jitter_mixes_with_its_base():
    """Pillow's ImageEnhance: factor * image + (1 - factor) * base."""
    image = picture().astype(np.float32)
    grey = image @ np.array([0.299, 0.587, 0.114])
    bases = {"brightness": 0 * image, "contrast": 0 * image + grey.mean(), "saturation": np.repeat(grey[..., None], 3, axis=2)}
    for name, base in bases.items():
        got = t.ColorJitter(**{name: 0.4})(image, rng(5))
        generator = rng(5)
        generator.permutation(["brightness", "contrast", "saturation"])
        factor = generator.uniform(0.6, 1.4)
        assert np.allclose(got, np.clip(factor * image + (1 - factor) * base, 0, 255), atol=1e-3), name


def test_the_order_of_jitters_varies():
    seen = {tuple(rng(i).permutation(list(t.ColorJitter().amounts))) for i in range(60)}
    assert len(seen) == 6


def test_lighting_moves_all_pixels_along_the_components():
    values, vectors = np.array([4.0, 9.0, 100.0]), np.linalg.qr(np.random.default_rng(0).standard_normal((3, 3)))[0]
    image, light, generator = picture(), t.Lighting(0.1, values, vectors), rng()
    shifts = np.array([(light(image, generator) - image)[0, 0] for _ in range(3000)])
    assert np.allclose(light(image, rng(1)) - image, (light(image, rng(1)) - image)[0, 0], atol=1e-4)
    assert np.allclose((shifts @ vectors).std(axis=0), 0.1 * np.sqrt(values), rtol=0.06)


def test_statistics_are_those_of_all_pixels():
    images = np.random.default_rng(0).integers(0, 256, (1234, 5, 4, 3), np.uint8) // np.array([1, 2, 3], np.uint8)
    mean, std, (values, vectors) = image_statistics(ArrayDataset(images, np.zeros(1234), "a"))
    pixels = images.reshape(-1, 3).astype(float)
    assert np.allclose(mean, pixels.mean(axis=0)) and np.allclose(std, pixels.std(axis=0))
    assert np.allclose(vectors @ np.diag(values) @ vectors.T, np.cov(pixels.T, bias=True))


def test_compose_prints_its_steps():
    text = repr(t.Compose([t.RandomCrop(32, 4), t.RandomHorizontalFlip(), t.Normalize([1.0], [2.0])]))
    assert text.splitlines()[1:4] == ["    RandomCrop(32, padding=4)", "    RandomHorizontalFlip(0.5)", "    Normalize([1.0], [2.0])"]


@pytest.mark.parametrize("name", INTERPOLATIONS)
def test_resizing_is_pillows(name):
    image_module = pytest.importorskip("PIL.Image", reason="Pillow is not installed (extra images): resizing was not tried")
    image = picture(20, 30)
    how = image_module.Resampling[name.upper()]
    assert (resize(image, (6, 8), name) == np.asarray(image_module.fromarray(image).resize((8, 6), how))).all()
    theirs = image_module.fromarray(image).resize((8, 6), how, box=(3, 2, 18, 12))
    assert (resize(image, (6, 8), name, (2, 3, 10, 15)) == np.asarray(theirs)).all()
    assert resize(image[..., :1], (6, 8), name).shape == (6, 8, 1)


def test_the_shorter_side_gets_its_size():
    pytest.importorskip("PIL", reason="Pillow is not installed (extra images): resizing was not tried")
    assert t.Resize(6)(picture(20, 30), None).shape == (6, 9, 3) and t.Resize(6)(picture(31, 20), None).shape == (9, 6, 3)
    assert t.RandomResizedCrop(7, interpolation="random")(picture(20, 30), rng()).shape == (7, 7, 3)


# ---- what a user of torchvision types ----

# The arguments of torchvision.transforms 0.20.1 in order, with the defaults (files transforms/transforms.py and functional.py)
TORCHVISION = {
    "Compose": {"transforms": ...},
    "Resize": {"size": ..., "interpolation": "bilinear", "max_size": None, "antialias": True},
    "CenterCrop": {"size": ...},
    "RandomCrop": {"size": ..., "padding": None, "pad_if_needed": False, "fill": 0, "padding_mode": "constant"},
    "RandomResizedCrop": {"size": ..., "scale": (0.08, 1.0), "ratio": (3 / 4, 4 / 3), "interpolation": "bilinear", "antialias": True},
    "RandomHorizontalFlip": {"p": 0.5},
    "ColorJitter": {"brightness": 0, "contrast": 0, "saturation": 0, "hue": 0},
    "Normalize": {"mean": ..., "std": ..., "inplace": False},
}
INTERPOLATION_MODES = {"nearest", "nearest-exact", "bilinear", "bicubic", "box", "hamming", "lanczos"}


@pytest.mark.parametrize("name", TORCHVISION)
def test_arguments_have_torchvisions_names_positions_and_defaults(name):
    theirs = list(TORCHVISION[name].items())
    given = inspect.signature(getattr(t, name)).parameters.values()
    by_name = {p.name: p.default for p in given if p.kind is p.KEYWORD_ONLY}
    assert by_name.items() <= dict(theirs).items()
    ours = [(p.name, ... if p.default is p.empty else p.default) for p in given if p.name not in by_name]
    ours = [(name, None if (name, default) == ("padding", 0) else default) for name, default in ours]  # no padding, in both
    assert ours == theirs[: len(ours)]


def test_interpolations_have_torchvisions_names():
    assert set(INTERPOLATIONS) <= INTERPOLATION_MODES
    for make in (t.Resize, t.RandomResizedCrop):
        with pytest.raises(ValueError, match=f"{make.__name__}: `interpolation` is 'cubic', expected one of .*box, bicubic"):
            make(8, interpolation="cubic")


def test_without_a_generator_the_packages_seed_decides():
    image, light = picture(), t.Lighting(0.1, np.ones(3), np.eye(3))
    random = t.Compose([t.RandomCrop(4), t.RandomHorizontalFlip(), t.ColorJitter(0.4), light])
    runs = []
    for _ in range(2):
        mg.manual_seed(5)
        runs.append([random(image) for _ in range(3)])
    assert np.array_equal(runs[0], runs[1]) and not np.array_equal(runs[0][0], runs[0][1])
    assert t.CenterCrop(4)(image).shape == (4, 4, 3)


def test_torchvisions_statistics_for_images_from_0_to_1_are_refused_for_bytes():
    usual = t.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    with pytest.raises(ValueError, match=r"Normalize: `std` is \[0\.229.*for an image from 0 to 255, expected `mean` and `std` times 255"):
        usual(picture())
    scaled = t.Normalize(255 * usual.mean, 255 * usual.std)(picture())
    assert np.allclose(usual(picture() / np.float32(255)), scaled, atol=1e-5)


@pytest.mark.parametrize("make, message", [
    (lambda: t.Normalize([1, 2], [1]), r"Normalize: `mean` is \[1\. 2\.\] and `std` \[1\.\], expected a number of each"),
    (lambda: t.Normalize([1], [0]), "Normalize: .*std above 0"),
    (lambda: t.Normalize([1, 2, 3], [4, 5, 6])(picture(c=1)), "Normalize: the image has 1 channels, expected 3, as `mean`"),
    (lambda: t.RandomResizedCrop(8, 0.5), r"RandomResizedCrop: `scale` is 0\.5, expected a pair"),
    (lambda: t.RandomResizedCrop(8, (0.5, 0.4)), r"RandomResizedCrop: `scale` is \(0\.5, 0\.4\), expected a pair \(smallest, largest\)"),
    (lambda: t.RandomResizedCrop(8, ratio=(0, 1)), r"RandomResizedCrop: `ratio` is \(0, 1\), expected a pair .* above 0"),
    (lambda: t.ColorJitter(0.4)(picture(c=1), rng()), r"ColorJitter: the image has 1 channels, expected 3 \(RGB\)"),
    (lambda: t.Lighting(0.1, [1, 2, 3], np.eye(3))(picture(c=1)), "Lighting: the image has 1 channels, expected 3, as `eigenvalues`"),
    (lambda: t.Lighting(0.1, [1, -2, 3], np.eye(3)), r"Lighting: `eigenvalues` is \[1, -2, 3\], .* of at least 0"),
    (lambda: t.Lighting(0.1, [1, np.nan], np.eye(2)), "Lighting: `eigenvalues` is "),
    (lambda: t.Lighting(0.1, [1, 2, 3], np.eye(2)), r"Lighting: .* `eigenvectors` has shape \(2, 2\), expected \[c\]"),
    (lambda: t.Resize((8, 8)), r"Resize: `size` is \(8, 8\), expected"),
])  # fmt: skip
def test_arguments_that_cannot_be_are_named(make, message):
    with pytest.raises((TypeError, ValueError), match=message):
        make()
