"""Networks of Caffe, read and run, against OpenCV's answers (4.14: version 5 reads none any more)."""

import os
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import minigoog as mg
from minigoog import importing
from minigoog.data import images
from minigoog.formats import caffe
from tests.answers import asked
from tests.formats.caffe_files import Layer, caffemodel, prototxt
from tests.formats.caffe_networks import Googlenet, as_deployed, as_trained, caffenet, every_layer, pooling

DATA = Path(os.environ.get("MINIGOOG_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
WEIGHTS = DATA / "googlenet-caffe" / "bvlc_googlenet_hwio_f32.npz"
OPENCV = "opencv-python-headless"
PHOTOS = {"vision__dog2.jpg": "German shepherd", "test-data__parrot.jpg": "macaw"}
NETWORKS = {"every layer": (lambda r: every_layer(r), (1, 3, 19, 23)), "caffenet": (lambda r: caffenet(r, 16, 67), (1, 3, 67, 67))}


def layers_and_input(name):
    """A small network, and maps [1, 3, h, w] for it."""
    make, shape = NETWORKS[name]
    size = 60 if name == "caffenet" else 1
    return make(np.random.default_rng(0)), np.random.default_rng(1).standard_normal(shape, np.float32) * np.float32(size)


def opencv(layers, x, values):
    """The values of this name that OpenCV computes for maps `x`."""
    import cv2

    with tempfile.TemporaryDirectory() as folder:
        model, text = Path(folder, "net.caffemodel"), Path(folder, "deploy.prototxt")
        model.write_bytes(caffemodel(layers, 2))
        text.write_text(prototxt([layer._replace(blobs=()) for layer in layers], 2, "net", {"data": x.shape}))
        network = cv2.dnn.readNetFromCaffe(str(text), str(model))
    network.setInput(x)
    return dict(zip(values, network.forward(list(values)), strict=True))


@asked(OPENCV, *NETWORKS)
def answers(name):
    layers, x = layers_and_input(name)
    return opencv(layers, x, ["norm2", layers[-1].tops])


def photo(name):
    """The middle of a photograph, as Caffe sees it: [1, 3, 224, 224], blue first. No resizing, on which libraries differ."""
    if not WEIGHTS.exists():
        pytest.skip(f"{WEIGHTS.name} is not in {WEIGHTS.parent}: set MINIGOOG_DATA")
    pixels = images.decode(DATA / "photos" / name)
    step = min(pixels.shape[:2]) // 224
    pixels = pixels[::step, ::step]
    top, left = ((n - 224) // 2 for n in pixels.shape[:2])
    bgr = pixels[top : top + 224, left : left + 224, ::-1].astype(np.float32) - np.float32([104, 117, 123])
    return np.ascontiguousarray(bgr.transpose(2, 0, 1)[None])


@asked(OPENCV, *PHOTOS)
def googlenets_answers(name):
    x = photo(name)
    layers = Googlenet(np.load(WEIGHTS)).layers
    return opencv([*layers, as_deployed(layers)[-1]], x, ["prob"])


def nhwc(x):
    return np.ascontiguousarray(x.transpose(0, 2, 3, 1)) if x.ndim == 4 else x


@pytest.mark.parametrize(("name", "version"), [("every layer", 2), ("caffenet", 1), ("caffenet", 2)])  # version 1 has not every layer
def test_a_network_of_caffe_gives_the_answers_of_opencv(tmp_path, name, version):
    layers, x = layers_and_input(name)
    (tmp_path / "net.caffemodel").write_bytes(caffemodel(layers, version, "", {"data": x.shape}))
    expected = answers(name)
    network = importing.network(replace(caffe.read(tmp_path / "net.caffemodel"), outputs=tuple(expected)))
    for found in (network(mg.Tensor(nhwc(x))), mg.compile(network, nhwc(x).shape)(nhwc(x))):
        for y, value in zip(found, expected.values(), strict=True):
            y, value = np.asarray(getattr(y, "data", y)), nhwc(value)
            assert y.shape == value.shape and np.abs(y - value).max() < 1e-5 * np.abs(value).max()


def test_the_larger_of_values_of_different_shapes_is_refused(tmp_path):
    layers = [pooling("pool", "data", "MAX", 2, 2), Layer("Eltwise", "x", "data pool", "y", {"eltwise_param": {"operation": "MAX"}})]
    (tmp_path / "net.caffemodel").write_bytes(caffemodel(layers, 2, "", {"data": (1, 3, 8, 8)}))
    with pytest.raises(ValueError, match=r"net.caffemodel: node `x` \(Max\): values of shapes \(1, 3, 8, 8\) and \(1, 3, 4, 4\), expected"):
        importing.network(caffe.read(tmp_path / "net.caffemodel"))


def test_bvlcs_googlenet_gives_the_answers_of_opencv_for_photographs(tmp_path):
    x = np.concatenate([photo(name) for name in PHOTOS])
    layers = Googlenet(np.load(WEIGHTS)).layers
    (tmp_path / "bvlc_googlenet.caffemodel").write_bytes(caffemodel(as_trained(layers), 1))
    classes = [line.split(" ", 1)[1] for line in (WEIGHTS.parent / "synset_words.txt").read_text().splitlines()]
    network = importing.network(caffe.read(tmp_path / "bvlc_googlenet.caffemodel"))
    for found in (network(mg.Tensor(nhwc(x))).data, mg.compile(network, nhwc(x).shape)(nhwc(x))):
        for name, probabilities in zip(PHOTOS, found, strict=True):
            expected = googlenets_answers(name)["prob"][0]
            assert np.abs(probabilities - expected).max() < 1e-4 * expected.max(), name
            assert classes[probabilities.argmax()].startswith(PHOTOS[name])
