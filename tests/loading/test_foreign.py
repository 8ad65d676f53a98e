"""`load` of files of other systems."""

import json

import numpy as np
import pytest

import minigoog as mg
from minigoog.data import pretrained
from minigoog.data.families import family
from minigoog.formats import safetensors, saved_model
from minigoog.loading import TrainedModel, build, constants

from ..formats import caffe_files, caffe_networks
from .onnx_files import classifier, onnx, save

pytest.importorskip("PIL", reason="Pillow is not installed (extra images): no photograph was resized")
PHOTOGRAPH = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)


def softmax(x):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


# ---- .onnx ----


@pytest.mark.parametrize("ends_with_softmax", [False, True])
def test_an_onnx_file_becomes_a_classifier_of_photographs(tmp_path, ends_with_softmax):
    logits = classifier(tmp_path / "net.onnx", softmax=ends_with_softmax)
    model = mg.load(tmp_path / "net.onnx", preprocess="torchvision", classes=["cat", "dog", "sea lion"])
    expected = softmax(logits(family("torchvision", (16, 16, 3))(PHOTOGRAPH)))[0]
    assert isinstance(model, TrainedModel) and not model.training and model.path == tmp_path / "net.onnx"
    found = dict(model.predict(PHOTOGRAPH))
    assert np.allclose([found[name] for name in ("cat", "dog", "sea lion")], expected, atol=1e-6)
    several = model.predict([PHOTOGRAPH, PHOTOGRAPH[::-1].copy(), PHOTOGRAPH[:, ::-1].copy()])  # a compiled plan
    assert len(several) == 3 and np.allclose([p for _, p in several[0]], -np.sort(-expected), atol=1e-6)


def test_what_is_assumed_is_said_on_one_line_and_what_is_told_is_not(tmp_path, capsys):
    classifier(tmp_path / "net.onnx")
    assert mg.load(tmp_path / "net.onnx").preprocess == family("torchvision", (16, 16, 3))
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "net.onnx: does not say how it wants photographs; assumed: torchvision, 16x16 of a shorter" in said
    for told in ("keras", family("caffe", (16, 16, 3)), {"name": "caffe", "mean": (1.0,)}):
        mg.load(tmp_path / "net.onnx", preprocess=told)
        assert capsys.readouterr().err == ""
    classifier(tmp_path / "keras.onnx", producer="tf2onnx")
    assert mg.load(tmp_path / "keras.onnx").preprocess == family("keras", (16, 16, 3))
    assert "assumed: keras, 16x16, squeezed, RGB minus 128 divided by 128" in capsys.readouterr().err


def test_a_public_file_is_known_by_its_name(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("MINIGOOG_DATA", str(tmp_path))
    path = tmp_path / "weights" / pretrained.WEIGHTS["squeezenet-onnx"].file
    path.parent.mkdir()
    with pytest.raises(FileNotFoundError, match="no such file; --download"):
        mg.load("squeezenet-onnx")
    classifier(path)
    assert mg.load("squeezenet-onnx").preprocess == family("caffe", (16, 16, 3)) == mg.load(path).preprocess
    assert capsys.readouterr().err == ""


def test_pixels_and_names_that_the_file_has_are_used(tmp_path, capsys):
    wanted = family("slim", (16, 16, 3))
    metadata = {"preprocess": wanted.as_json(), "classes": json.dumps(["a", "b", "c"])}
    classifier(tmp_path / "net.onnx", metadata=metadata)
    model = mg.load(tmp_path / "net.onnx")
    assert model.preprocess == wanted and model.classes == ("a", "b", "c") and capsys.readouterr().err == ""
    assert mg.load(tmp_path / "net.onnx", preprocess={"std": (1.0,)}).preprocess.std == (1.0,) * 3
    classifier(tmp_path / "net.onnx", metadata={"preprocess": "{}", "classes": "[1, 2, 3]"})  # of another system
    assert mg.load(tmp_path / "net.onnx").classes == ("0", "1", "2")


def test_names_come_from_a_file_or_from_beside_the_weights(tmp_path):
    classifier(tmp_path / "net.onnx")
    (tmp_path / "names.txt").write_text("x\ny\nz\n")
    assert mg.load(tmp_path / "net.onnx", classes=tmp_path / "names.txt", preprocess="unit").classes == ("x", "y", "z")
    (tmp_path / "synset_words.txt").write_text("n00000001 one\nn00000002 two\nn00000003 three\n")
    assert mg.load(tmp_path / "net.onnx", preprocess="unit").classes == ("one", "two", "three")
    (tmp_path / "names.txt").write_text("x\ny\n")
    with pytest.raises(ValueError, match=r"names\.txt: has 2 names \(x, y\), but .*net\.onnx has 3 classes"):
        mg.load(tmp_path / "net.onnx", classes=tmp_path / "names.txt", preprocess="unit")


def test_a_network_of_any_size_takes_the_one_that_is_asked_for(tmp_path, capsys):
    logits = classifier(tmp_path / "net.onnx", size=None)
    model = mg.load(tmp_path / "net.onnx", preprocess={"name": "unit", "size": (16, 24)})
    assert model.info.input_size == (16, 24, 3)
    assert np.allclose(dict(model.predict(PHOTOGRAPH))["0"], softmax(logits(model.preprocess(PHOTOGRAPH)))[0, 0], atol=1e-6)
    assert mg.load(tmp_path / "net.onnx").info.input_size == (224, 224, 3)
    classifier(tmp_path / "net.onnx")
    with pytest.raises(ValueError, match=r"net\.onnx: takes images 16x16x3, but they would be 20x20x3"):
        mg.load(tmp_path / "net.onnx", preprocess={"size": (20, 20)})


def test_a_network_that_is_no_classifier_is_loaded_without_classes(tmp_path):
    helper = onnx.helper
    shapes = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1, 3, 8, 8]) for name in "xy"]
    save(tmp_path / "net.onnx", helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "net", shapes[:1], shapes[1:]))
    model = mg.load(tmp_path / "net.onnx", preprocess="unit")
    assert model.classes == () and model(mg.Tensor(-np.ones((1, 8, 8, 3), np.float32))).shape == (1, 8, 8, 3)
    with pytest.raises(ValueError, match=r"net\.onnx: no classifier: for a batch it gives 1x8x8x3"):
        model.predict(PHOTOGRAPH)


@pytest.mark.parametrize("changes, message", [
    ({"preprocess": "vgg"}, "`name` is 'vgg', expected one of torchvision, "),
    ({"preprocess": {"sharpness": 1}}, "load: `preprocess` has 'sharpness', expected name, size, mean, std, colours"),
    ({"preprocess": family("caffe")}, "takes images 16x16x3, but they would be 224x224x3"),
    ({"classes": ["a"]}, r"`classes`: has 1 names \(a\), but .* has 3 classes"),
])  # fmt: skip
def test_wishes_that_do_not_fit_are_refused(tmp_path, changes, message):
    classifier(tmp_path / "net.onnx")
    with pytest.raises(ValueError, match=message):
        mg.load(tmp_path / "net.onnx", **({"preprocess": "unit"} | changes))


@pytest.mark.parametrize("arguments, message", [
    ({"preprocess": {"size": "small"}}, "load: `preprocess`: `size` is 'small', expected an integer"),
    ({"preprocess": {"size": (16, 16, 3)}}, r"load: `preprocess`: `size` is \(16, 16, 3\), expected an integer or a pair"),
    ({"preprocess": {"size": 0}}, "load: `preprocess`: `size` is 0, expected at least 1"),
    ({"preprocess": {"mean": 5}}, "`mean` is 5, expected a finite number for each of 3 channels"),
    ({"preprocess": {"mean": "x"}}, "`mean` is 'x', expected a finite number for each of 3 channels"),
    ({"preprocess": {"mean": np.array(5)}}, r"`mean` is array\(5\), expected a finite number for each of 3 channels"),
    ({"preprocess": {"std": 0}}, "`std` is 0, expected a finite number for each of 3 channels, above 0"),
    ({"preprocess": {"std": ()}}, r"`std` is \(\), expected a finite number for each of 3 channels, above 0"),
    ({"preprocess": {"colours": ""}}, "`colours` is '', expected one of RGB, BGR"),
    ({"preprocess": {"name": ["caffe"]}}, r"load: `preprocess`: `name` is \['caffe'\], expected one of torchvision, "),
    ({"preprocess": {"name": ""}}, "load: `preprocess`: `name` is '', expected one of torchvision, "),
    ({"preprocess": {"size": 16, 3: 4, "x": 5}}, "load: `preprocess` has 3, expected name, size"),
    ({"preprocess": 0}, "load: `preprocess` is 0, expected a Preprocess, the name of a family or a dict"),
    ({"classes": 5}, "load: `classes` is 5, expected the names of classes or a file of them"),
    ({"prototxt": 5}, "load: `prototxt` is int, expected a path"),
])  # fmt: skip
def test_arguments_of_the_wrong_kind_are_refused_by_name(tmp_path, arguments, message):
    classifier(tmp_path / "net.onnx")
    with pytest.raises((TypeError, ValueError), match=message):
        mg.load(tmp_path / "net.onnx", **arguments)


def test_a_size_may_be_one_integer_and_numbers_may_be_in_a_list_or_an_array(tmp_path):
    classifier(tmp_path / "net.onnx", size=None)
    wanted = {"name": "unit", "size": np.int64(16), "mean": np.array([1, 2, 3]), "std": [4]}
    found = mg.load(tmp_path / "net.onnx", preprocess=wanted).preprocess
    assert found == mg.load(tmp_path / "net.onnx", preprocess=wanted | {"size": [16, 16], "mean": (1, 2, 3), "std": (4,) * 3}).preprocess
    assert found.input_size == (16, 16, 3) and found.mean == (1.0, 2.0, 3.0) and found.std == (4.0,) * 3


# ---- saved again ----


def test_an_imported_network_is_saved_and_loaded_to_the_same_bits(tmp_path):
    classifier(tmp_path / "net.onnx", softmax=True)
    model = mg.load(tmp_path / "net.onnx", preprocess="caffe", classes=["a", "b", "c"])
    for parameter in model.parameters():
        parameter.data += 0.25
    mg.nn.prune(model, 0.5)
    mg.save(model, tmp_path / "net.safetensors")
    (tmp_path / "net.onnx").unlink()
    again = mg.load(tmp_path / "net.safetensors")
    assert again.classes == model.classes and again.preprocess == model.preprocess and again.info == model.info
    assert again.predict(PHOTOGRAPH) == model.predict(PHOTOGRAPH) and again.gives_probabilities
    assert mg.nn.masks(again).keys() == mg.nn.masks(model).keys() != set()


def test_a_network_of_several_outputs_keeps_the_classes_that_it_was_told(tmp_path):
    classifier(tmp_path / "net.onnx")
    proto = onnx.load(tmp_path / "net.onnx")
    proto.graph.output.append(onnx.helper.make_tensor_value_info("d", onnx.TensorProto.FLOAT, ["n", 6]))
    onnx.save(proto, tmp_path / "net.onnx")
    model = mg.load(tmp_path / "net.onnx", preprocess="unit", classes=["a", "b", "c"])
    mg.save(model, tmp_path / "net.safetensors")
    assert mg.load(tmp_path / "net.safetensors").predict(PHOTOGRAPH) == model.predict(PHOTOGRAPH)


def test_images_of_another_size_than_a_saved_graph_takes_are_refused(tmp_path):
    classifier(tmp_path / "net.onnx")
    model = mg.load(tmp_path / "net.onnx", preprocess="unit")
    mg.save(model, tmp_path / "net.safetensors")
    with pytest.raises(ValueError, match=r"net\.safetensors: takes images 16x16x3, but they would be 32x32x3"):
        mg.load(tmp_path / "net.safetensors", preprocess={"size": (32, 32)})
    model.preprocess = family("unit", (32, 32, 3))
    with pytest.raises(ValueError, match=r"net\.onnx: takes images 16x16x3, but they would be 32x32x3"):
        mg.save(model, tmp_path / "other.safetensors")


def test_an_imported_network_gets_other_classes(tmp_path):
    from minigoog import importing
    from minigoog.formats.graph_json import described

    classifier(tmp_path / "net.onnx", softmax=True)
    model = mg.load(tmp_path / "net.onnx", preprocess="unit")
    new = importing.network(importing.with_classes(model.graph, 5))
    state = model.state_dict()
    new.load_state_dict({name: array for name, array in state.items() if not name.startswith("fc.")}, strict=False)
    new.fc.weight.data[...] = np.arange(30).reshape(6, 5)
    new.fc.bias.data[...] = np.arange(5)
    description, arrays = described(new.graph)
    info = model.info._replace(classes=tuple("abcde"), arguments={"graph": description})
    saved_model.save(tmp_path / "net.safetensors", new.state_dict() | arrays, info)
    again = mg.load(tmp_path / "net.safetensors")
    x = mg.Tensor(model.preprocess(PHOTOGRAPH))
    assert again(x).shape == (1, 5) and np.array_equal(again(x).data, new(x).data)
    assert build(info, arrays, 10**6)(x).shape == (1, 5)


def test_a_saved_graph_that_is_odd_is_refused_by_name(tmp_path):
    classifier(tmp_path / "net.onnx")
    model = mg.load(tmp_path / "net.onnx", preprocess="unit")
    good = model.info.arguments["graph"]
    for changes, message in [
        ({"weights": good["weights"] | {"fc.weight": ["<f4", [10**6, 10**6]]}}, "are more than its file has"),
        ({"weights": good["weights"] | {"fc.weight": ["<f4", [-1]]}}, "an axis has length -1"),
        ({"weights": {"fc.weight": ["|O", [3]]}}, "expected numbers"), ({"nodes": [["Conv"]]}, "node 0 of its graph is"),
        ({"nodes": [["Launch", ["image"], ["e"], {}, ""]]}, "Launch"), ({"opset": "13"}, "`opset` of its graph is '13'"),
        ({"outputs": ["nothing"]}, "nothing"), ({"inputs": {"image": [1, 2.5]}}, "an axis has length 2.5"),
    ]:  # fmt: skip
        info = model.info._replace(arguments={"graph": good | changes})
        saved_model.save(tmp_path / "net.safetensors", model.state_dict() | constants(model), info)
        with pytest.raises(ValueError, match=r"net\.safetensors: its weights do not fit the network that it names .*") as error:
            mg.load(tmp_path / "net.safetensors")
        assert message in str(error.value) and "\n" not in str(error.value)


# ---- other kinds ----


@pytest.mark.parametrize("name, data, message", [
    ("cat.jpg", b"\xff\xd8\xff\xe0 and so on, and so on", "it is a JPEG image, expected a run, or a file of weights: .safetensors, .onnx"),
    ("net.h5", b"\x89HDF\r\n\x1a\n and so on", "it is an HDF5 file"),
    ("net.onnx", b"\x89PNG\r\n\x1a\n and so on", "it is a PNG image"),
    ("net.onnx", b"", "empty"), ("net.onnx", b"\x08\x07\x12\x07pytorch", "net.onnx: "), ("net.caffemodel", b"\x0a\xff", "net.caffemodel: "),
    ("net.bin", b"\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09", "its kind is not known"),
    ("net.txt", b"layers { name: 'conv' }", "it is text"), ("net.pth", b"PK\3\4 and so on, but no archive", "net.pth: "),
    ("net.zip", b"PK\3\4 and so on, but no archive", "it is a zip archive"),
])  # fmt: skip
def test_a_file_that_is_something_else_is_named_on_one_line(tmp_path, name, data, message):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(ValueError) as error:
        mg.load(tmp_path / name)
    assert message in str(error.value) and str(tmp_path / name) in str(error.value) and "\n" not in str(error.value)


def test_the_content_decides_and_not_the_name(tmp_path):
    classifier(tmp_path / "net.bin")
    assert mg.load(tmp_path / "net.bin", preprocess="unit").info.more["format"] == "onnx"


def test_weights_that_are_not_finite_are_named(tmp_path):
    classifier(tmp_path / "net.onnx")
    model = onnx.load(tmp_path / "net.onnx")
    array = onnx.numpy_helper.to_array(model.graph.initializer[3]).copy()
    array[1] = np.nan
    model.graph.initializer[3].CopyFrom(onnx.numpy_helper.from_array(array, "fc.bias"))
    onnx.save(model, tmp_path / "net.onnx")
    with pytest.raises(ValueError, match=r"net\.onnx: `fc\.bias` has values that are not finite"):
        mg.load(tmp_path / "net.onnx", preprocess="unit")


def test_a_state_dict_of_no_known_network_is_named(tmp_path):
    safetensors.save(tmp_path / "plain.safetensors", {"a": np.zeros(3, np.float32)})
    with pytest.raises(ValueError, match=r"plain\.safetensors: not the weights of a network that is known \(.*with `a`, expected"):
        mg.load(tmp_path / "plain.safetensors")


def test_a_caffe_file_says_its_mean_and_finds_its_prototxt(tmp_path, capsys):
    layers = caffe_networks.few_layers(np.random.default_rng(0))
    path = tmp_path / "net.caffemodel"
    path.write_bytes(caffe_files.caffemodel(caffe_networks.as_trained(layers, 9), 2))
    model = mg.load(path)
    assert model.preprocess.mean == (104.0, 117.0, 123.0) and model.preprocess.colours == "BGR" and capsys.readouterr().err == ""
    path.write_bytes(caffe_files.caffemodel(layers, 2, "few", {"data": (1, 3, 9, 9)}))
    assert mg.load(path).preprocess == family("caffe", (9, 9, 3)) and "assumed: caffe, 9x9" in capsys.readouterr().err
    (tmp_path / "deploy.prototxt").write_text("layer {")
    with pytest.raises(ValueError, match=r"deploy\.prototxt: not a valid \.prototxt file"):
        mg.load(path)
    (tmp_path / "other").write_text(caffe_files.prototxt(layers[:-1], 2, "few", {"data": (1, 3, 9, 9)}))
    assert mg.load(path, prototxt=tmp_path / "other", preprocess="caffe").classes == ()  # without the classifier
