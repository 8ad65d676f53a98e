"""How photographs become the input of a network, and the table of how each family wants them."""

import json

import numpy as np
import pytest

from minigoog.data import Preprocess
from minigoog.data.families import FAMILIES, changed, family, likely
from minigoog.data.preprocess import from_facts, plain_bilinear

PIL = pytest.importorskip("PIL.Image", reason="Pillow is not installed (extra images): nothing was resized")


def photograph(height, width, seed=0):
    """Smooth noise, uint8 [height, width, 3]: a resizer with another kernel gives other values."""
    noise = np.random.default_rng(seed).integers(0, 256, (height // 8 + 2, width // 8 + 2, 3), np.uint8)
    return np.asarray(PIL.fromarray(noise).resize((width, height), PIL.Resampling.BICUBIC))


def resized(image, height, width, resampling="BILINEAR"):
    return np.asarray(PIL.fromarray(image).resize((width, height), PIL.Resampling[resampling]))


def centre(image, height, width):
    top, left = round((image.shape[0] - height) / 2), round((image.shape[1] - width) / 2)
    return image[top : top + height, left : left + width]


@pytest.mark.parametrize("name, seen", [
    ("torchvision", lambda x: (centre(resized(x, 256, 341), 224, 224) / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]),
    ("torchvision-v2", lambda x: (centre(resized(x, 232, 309), 224, 224) / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]),
    ("inception", lambda x: (centre(resized(x, 342, 456), 299, 299) / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]),
    ("caffe", lambda x: centre(resized(x, 256, 341), 224, 224)[..., ::-1] - np.array([104.0, 117, 123])),
    ("caffe-squeezed", lambda x: centre(resized(x, 256, 256), 224, 224)[..., ::-1] - np.array([104.0, 117, 123])),
    ("keras", lambda x: resized(x, 224, 224) / 127.5 - 1),
    ("keras-bicubic", lambda x: resized(x, 224, 224, "BICUBIC") / 127.5 - 1),
    ("google", lambda x: resized(x, 224, 224) / 255 * 256 - 117),
    ("mtcnn", lambda x: (resized(x, 48, 48) - 127.5) / 128),
    ("unit", lambda x: resized(x, 224, 224) / 255),
])  # fmt: skip
def test_each_family_sees_the_pixels_that_its_formula_gives(name, seen):
    image = photograph(300, 400)
    preprocess = family(name)
    x = preprocess(image)
    assert x.dtype == np.float32 and x.shape == (1, *preprocess.input_size)
    assert np.allclose(x[0], seen(image), atol=2e-5 * np.abs(seen(image)).max())


def test_slim_takes_the_middle_and_samples_it_without_antialias():
    image = photograph(320, 400)
    middle = centre(image, 280, 350).astype(np.float64)
    at = [np.clip((np.arange(224) + 0.5) * n / 224 - 0.5, 0, n - 1) for n in (280, 350)]
    y, x = np.meshgrid(*at, indexing="ij")
    y0, x0 = y.astype(int), x.astype(int)
    y1, x1, fy, fx = np.minimum(y0 + 1, 279), np.minimum(x0 + 1, 349), (y - y0)[..., None], (x - x0)[..., None]
    expected = (middle[y0, x0] * (1 - fx) + middle[y0, x1] * fx) * (1 - fy) + (middle[y1, x0] * (1 - fx) + middle[y1, x1] * fx) * fy
    assert np.abs((family("slim")(image)[0] + 1) * 127.5 - expected).max() <= 0.51  # rounded to integers


def test_antialias_matters_where_an_image_shrinks():
    image = photograph(512, 512)
    one_pixel_lines = np.where(np.arange(512)[:, None, None] % 2, image, 255 - image)
    assert np.abs(plain_bilinear(one_pixel_lines, (200, 200)).astype(int) - resized(one_pixel_lines, 200, 200)).max() > 50


def test_the_longer_side_is_rounded_down_as_by_torchvision():
    # torchvision's functional.resize: int(size * long / short); 375 * 256 / 500 in another order gives 191.99999999999997
    assert family("torchvision").middle(photograph(375, 500)).shape == (224, 224, 3)
    from minigoog.data.transforms import Resize

    for short, long in ((375, 500), (49, 147), (29, 87), (333, 999)):
        assert Resize(256).new_size(np.zeros((short, long, 3))) == (256, 256 * long // short)


def test_grey_and_coloured_photographs_become_what_the_network_takes():
    image = photograph(60, 80)
    grey = family("unit", (32, 32, 1))(image)
    assert grey.shape == (1, 32, 32, 1)
    luma = resized(image, 32, 32) @ np.array([0.299, 0.587, 0.114]) / 255
    assert np.allclose(grey[0, ..., 0], luma, atol=1e-4)
    repeated = family("unit", (32, 32, 3))(image[..., 0])
    assert (repeated[..., 0] == repeated[..., 2]).all()


def test_networks_that_are_not_square_get_squeezed_photographs():
    for name in set(FAMILIES) - {"slim"}:
        assert family(name, (48, 192, 3)).resize == (48, 192)
    assert family("torchvision", (48, 192, 3))(photograph(50, 70)).shape == (1, 48, 192, 3)
    assert family("caffe", (227, 227, 3)).resize == 256


@pytest.mark.parametrize("name", FAMILIES)
def test_a_preprocess_survives_its_json(name):
    preprocess = family(name, (160, 160, 3))
    assert from_facts(json.loads(preprocess.as_json())) == preprocess
    rest = {"input_size": preprocess.input_size, "mean": preprocess.mean, "std": preprocess.std}
    assert from_facts(json.loads(preprocess.settings()) | rest) == preprocess


def test_parts_of_a_preprocess_can_be_changed():
    made = changed(family("torchvision"), (112, 112), mean=(100.0,), colours="BGR")
    assert made.resize == 128 and made.mean == (100.0,) * 3 and made.colours == "BGR" and made.std == family("torchvision").std
    assert changed(family("keras"), (48, 192)).resize == (48, 192)
    assert changed(family("slim"), (299, 299)).resize == 0.875


def test_mean_and_std_become_floats_whatever_numbers_they_were_given_as():
    made = Preprocess((8, 8, 3), 8, np.array([1, 2, 3], np.float32), [1, 2, np.int64(3)], antialias=np.True_)
    assert made == Preprocess((8, 8, 3), 8, (1.0, 2.0, 3.0), (1.0, 2.0, 3.0))
    assert {type(x) for x in made.mean + made.std} == {float} and from_facts(json.loads(made.as_json())) == made


@pytest.mark.parametrize("settings, message", [
    ({"resize": 100}, r"`resize` is 100, expected at least 224x224 pixels"),
    ({"resize": (300, 100)}, "`resize` is"), ({"resize": 1.5}, "`resize` is"), ({"resize": True}, "`resize` is"),
    ({"mean": (1.0,)}, "`mean` is .*expected a finite number for each of 3 channels"),
    ({"std": (1.0, 0.0, 1.0)}, "`std` is .*above 0"),
    ({"colours": "CMYK"}, "`colours` is 'CMYK', expected one of RGB, BGR"),
    ({"interpolation": "lanczos"}, "`interpolation` is"),
    ({"interpolation": "bicubic", "antialias": False}, "without antialias"),
    ({"input_size": (224, 224, 4)}, "`input_size` is"), ({"input_size": (10**6, 224, 3)}, "`input_size` is"),
    ({"sharpen": 1}, "has 'sharpen', expected"), ({"mean": ["a", "b", "c"]}, "`mean` is"), ({"mean": [10**400] * 3}, "`mean` is"),
    ({"std": [True] * 3}, "`std` is"), ({"std": 5}, "`std` is 5"), ({"input_size": 224}, "`input_size` is 224"),
])  # fmt: skip
def test_settings_that_cannot_be_are_refused_by_name(settings, message):
    with pytest.raises(ValueError, match=message):
        from_facts(json.loads(family("torchvision").as_json()) | settings)


def test_the_family_of_a_file_is_known_or_assumed():
    assert likely("caffe", {}) == ("caffe", False) and likely("caffe", {"mean": "[104, 117, 123]"}) == ("caffe", True)
    assert likely("onnx", {"producer": "keras2onnx"}) == ("keras", False)
    assert likely("onnx", {"producer": "onnx-caffe2"}) == ("caffe", False)
    assert likely("onnx", {"producer": "pytorch"}) == ("torchvision", False)


def test_shrinking_is_torchvisions_to_the_last_rounding():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: its resizer was not asked")
    transforms = pytest.importorskip("torchvision.transforms.v2.functional", reason="torchvision is not installed")
    image = photograph(375, 500)
    tensor = transforms.resize(torch.from_numpy(image.copy()).permute(2, 0, 1), [256], antialias=True)
    ours = Preprocess((224, 224, 3), 256, (0.0,) * 3, (1.0,) * 3)._resized(image)
    assert np.abs(ours.astype(int) - tensor.permute(1, 2, 0).numpy()).max() <= 1


def test_a_16_bit_and_a_cmyk_photograph_are_converted_on_purpose(tmp_path):
    image = photograph(64, 64)
    PIL.fromarray(image).convert("CMYK").save(tmp_path / "cmyk.jpg", quality=100)
    seen = family("unit", (32, 32, 3))(tmp_path / "cmyk.jpg")
    assert np.abs(seen[0] - resized(image, 32, 32) / 255).mean() < 0.05
    deep = image[..., 0].astype(np.uint16) * 257
    PIL.fromarray(deep).save(tmp_path / "deep.png")
    assert np.allclose(family("unit", (64, 64, 3))(tmp_path / "deep.png")[0, ..., 0] * 255, image[..., 0], atol=0.5)


def test_the_page_has_every_family_and_all_public_weights():
    from pathlib import Path

    from minigoog.data.pretrained import WEIGHTS

    page = (Path(__file__).parents[2] / "docs" / "elsewhere.md").read_text()
    rows = [line.split("|")[1] for line in page.splitlines() if line.startswith("| `")]
    assert [name for name in [*FAMILIES, *WEIGHTS] if not any(f"`{name}`" in row for row in rows)] == []
