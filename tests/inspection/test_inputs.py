"""What the programs look into: networks with their weights, images as these see them."""

import subprocess
import sys

import numpy as np
import pytest

import minigoog as mg
from minigoog.formats import saved_model
from minigoog.inspection import inputs
from minigoog.inspection.__main__ import main


def flags_of(**flags):
    from argparse import Namespace

    return Namespace(**{"model": None, "weights": None, "image": None, "label": None, "training": False} | flags)


def test_trained_weights_come_with_their_classes_and_normalisation(tmp_path):
    model = mg.models.TinyInception(num_classes=3)
    info = saved_model.Info("tiny", {"num_classes": 3}, ("a", "b", "c"), (8, 8, 1), (50.0,), (80.0,), {})
    path = tmp_path / "last.safetensors"
    saved_model.save(path, model.state_dict(), info)
    sample = inputs.load_sample(flags_of(weights=tmp_path, label=2))
    assert sample.classes == ("a", "b", "c") and sample.label == 2 and not sample.model.training
    assert np.allclose(sample.image, (mg.data.digits()[1].images[0] - 50.0) / 80, atol=1e-6)
    assert all(np.array_equal(a, model.state_dict()[name]) for name, a in sample.model.state_dict().items())
    with pytest.raises(ValueError, match="--model is lenet5, but .* has the weights of tiny"):
        inputs.load_sample(flags_of(weights=tmp_path, model="lenet5"))
    saved_model.save(path, {"conv1.bias": np.zeros(32, np.float32)}, info)
    with pytest.raises(ValueError, match="last.safetensors: its weights do not fit"):
        inputs.load_sample(flags_of(weights=path))


def test_an_image_file_becomes_what_the_network_sees(tmp_path):
    image_module = pytest.importorskip("PIL.Image")
    pixels = np.zeros((300, 200, 3), np.uint8)
    pixels[50:250] = (255, 0, 128)  # the middle square
    image_module.fromarray(pixels).save(tmp_path / "picture.png")
    seen = inputs.load_sample(flags_of(image=tmp_path / "picture.png", model="nin")).image
    assert seen.shape == (32, 32, 3) and np.allclose(seen[1:-1], [1, 0, 128 / 255], atol=1e-6)  # its edge is blended
    grey = inputs.load_sample(flags_of(image=tmp_path / "picture.png", model="tiny")).image
    assert grey.shape == (8, 8, 1) and np.allclose(grey[1:-1], 0.299 + 0.114 * 128 / 255, atol=1e-6)


def test_a_photograph_without_weights_is_not_pushed_through_the_digit_network(tmp_path):
    pytest.importorskip("PIL.Image").new("RGB", (40, 30)).save(tmp_path / "cat.png")
    for command in ("page", "step"):
        done = subprocess.run([sys.executable, "-m", "minigoog.inspection", command, "--image", "cat.png"], cwd=tmp_path,
                              capture_output=True, text=True, timeout=120)  # fmt: skip
        assert done.returncode == 2 and "add --weights googlenet-onnx --download, which fetches GoogLeNet" in done.stderr
        assert done.stderr.count("\n") == 1 and not (tmp_path / "page.html").exists()


@pytest.mark.parametrize("line", [
    "page --model nin --image cat.png --mean 5", "page --model tiny --image cat.png --preprocess caffe", "step --classes names.txt",
    "branches --model nin --size 64", "branches --std 2 3", "page --colours BGR", "page --prototxt net.prototxt", "page --download",
    "summary tiny --size 16", "branches --model nin --images 3",
])  # fmt: skip
def test_a_flag_that_would_have_no_effect_is_refused_with_what_it_needs(tmp_path, monkeypatch, capsys, line):
    pytest.importorskip("PIL.Image").new("RGB", (40, 30)).save(tmp_path / "cat.png")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as end:
        main(line.split())
    flag = next(word for word in line.split() if word[2:] not in ("model", "image") and word.startswith("--"))
    needs = "is 3, but needs --data" if flag == "--images" else "needs weights: it says how a file of them is to be used"
    error = capsys.readouterr().err
    assert end.value.code == 2 and f": {flag} {needs}" in error and error.count("\n") == 1, error
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cat.png"]


def test_the_digit_of_lenet_5_is_in_the_middle_of_its_32x32_pixels():
    image = inputs.load_sample(flags_of(model="lenet5")).image
    digit = mg.data.digits()[1].images[0]
    assert image.shape == (32, 32, 1) and not image[:4].any() and not image[:, 28:].any()
    assert np.allclose(255 * image[4:28:3, 4:28:3], digit) and np.allclose(255 * image[6:28:3, 5:28:3], digit)
