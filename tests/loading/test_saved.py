"""`load`: a trained model from its file, with what is needed to use it on new images."""

import numpy as np
import pytest

import minigoog as mg
import minigoog.train
from minigoog.data import digits
from minigoog.data.families import changed, family
from minigoog.formats import safetensors, saved_model
from minigoog.loading import TrainedModel
from minigoog.train import setup

INFO = saved_model.Info("tiny", {"num_classes": 3}, ("a", "b", "c"), (8, 8, 1), (50.0,), (80.0,), {})


@pytest.fixture(scope="module")
def ensemble(tmp_path_factory):
    """Two tiny networks trained for a moment, in one ensemble; with averages."""
    folder = tmp_path_factory.mktemp("runs") / "ensemble"
    mg.train.fit(mg.train.Config(model="tiny", epochs=1, models=2, workers=0, average=0.9, output=folder))
    return folder


def saved(path, info=INFO, **weights):
    """A saved model of a tiny network, with some weights replaced (None: left out)."""
    model = mg.models.TinyInception(num_classes=3)
    arrays = {name: array for name, array in (model.state_dict() | weights).items() if array is not None}
    saved_model.save(path, arrays, info)
    return path


def test_a_runs_folder_becomes_a_model_that_predicts_what_training_reported(ensemble):
    model = mg.load(ensemble / "model-1")
    _, test = digits()
    with mg.no_grad():
        logits = model(mg.Tensor(model.preprocess(test.images))).data
    assert (logits.argmax(axis=1) == test.labels).mean() == pytest.approx(float(model.info.more["test_accuracy"]), abs=1e-4)
    assert isinstance(model, mg.models.TinyInception) and not model.training and model.classes == tuple("0123456789")
    assert model.path.name == "averaged.safetensors" == mg.load(str(model.path)).path.name


def test_loading_leaves_the_random_numbers_alone(tmp_path):
    mg.manual_seed(3)
    path = saved(tmp_path / "model.safetensors")
    before = mg.rng.state()
    mg.load(path)
    assert mg.rng.state() == before


def test_half_precision_is_loaded_exactly_and_float64_rounded(tmp_path):
    bias = np.float16([1 / 3, 6e-8, -65504])
    for weights in (bias, bias.astype(np.float64)):
        model = mg.load(saved(tmp_path / "model.safetensors", **{"classifier.bias": weights}))
        assert model.classifier.bias.data.dtype == np.float32 and (model.classifier.bias.data == bias).all()
    with pytest.raises(ValueError, match=r"`classifier\.bias` has values that are not finite"):
        mg.load(saved(tmp_path / "model.safetensors", **{"classifier.bias": np.full(3, 1e39)}))


def test_a_loaded_network_is_built_without_drawing_weights(tmp_path, monkeypatch):
    path = saved(tmp_path / "model.safetensors")
    monkeypatch.setattr(np.random, "default_rng", None)
    mg.manual_seed(1)
    mg.load(path)


def test_an_ensemble_is_refused_by_naming_its_members(ensemble):
    with pytest.raises(ValueError, match=r"load: `path` is '.*ensemble', the folder of an ensemble, expected one of its models: "
                                         r"'.*model-1', '.*model-2'"):  # fmt: skip
        mg.load(ensemble)


@pytest.mark.parametrize("weights, message", [
    ({"classifier.bias": np.float32([0, np.nan, 0])}, "`classifier.bias` has values that are not finite"),
    ({"classifier.bias": None}, "do not fit the network that it names .*missing `classifier.bias`"),
    ({"classifier.bias": np.zeros(4, np.float32)}, "do not fit the network that it names .*`classifier.bias` has shape"),
    ({"more.bias": np.zeros(4, np.float32)}, "do not fit the network that it names .*unknown `more.bias`"),
])  # fmt: skip
def test_weights_that_cannot_be_used_are_named(tmp_path, weights, message):
    with pytest.raises(ValueError, match=r"model\.safetensors: .*" + message):
        mg.load(saved(tmp_path / "model.safetensors", **weights))


@pytest.mark.parametrize("changes, message", [
    ({"model": "vgg"}, "do not fit the network that it names .*'vgg'"),
    ({"arguments": {"colour": 3}}, "do not fit the network that it names .*colour"),
    ({"arguments": {"num_classes": 11}}, "do not fit the network that it names .*has shape"),
    ({"classes": ("a", "b")}, "do not fit the network that it names .*3 classes, of which 2 have names"),
    ({"more": {"resize": "many"}}, "its metadata is damaged"),
    ({"more": {"resize": "7"}}, "its metadata is damaged"),
    ({"input_size": (8, 9, 1)}, "its metadata is damaged"),
    ({"more": {"resize": str(2**14 + 1)}}, "its metadata is damaged"),
    ({"arguments": {"num_classes": 10**6}}, "do not fit the network that it names .*weights of shape .*are more than its file has"),
])  # fmt: skip
def test_facts_that_do_not_fit_are_named(tmp_path, changes, message):
    with pytest.raises(ValueError, match=r"model\.safetensors: .*" + message):
        mg.load(saved(tmp_path / "model.safetensors", INFO._replace(**changes)))


def test_a_file_that_is_no_saved_model_is_named(tmp_path):
    path = saved(tmp_path / "model.safetensors")
    arrays, metadata = safetensors.load(path)
    safetensors.save(path, arrays, {name: text for name, text in metadata.items() if name != "classes"})
    with pytest.raises(ValueError, match=r"model\.safetensors: not a saved model of minigoog: its metadata has no `classes`"):
        mg.load(path)
    with pytest.raises(FileNotFoundError, match="public weights are called googlenet-caffe"):
        mg.load("googlenet-cafe")
    with pytest.raises(FileNotFoundError, match="nowhere: no such run folder or file of weights$"):
        mg.load("nowhere")


# ---- preprocess ----


def test_preprocessing_is_what_training_did_to_test_images(tmp_path, monkeypatch):
    pytest.importorskip("PIL", reason="Pillow is not installed (extra images): nothing was resized")
    generator = np.random.default_rng(0)
    small, large = (mg.data.ArrayDataset(generator.integers(0, 256, (6, *size, 3), np.uint8), np.arange(6) % 2, "ab")
                    for size in ((32, 32), (50, 40)))  # fmt: skip
    for name, test in (("native", small), ("resized", large)):
        parts = {"train": small, "test": test}
        monkeypatch.setattr(setup.data, "open_dataset", lambda _, split, *where, parts=parts: parts[split])
        made = setup.prepare(mg.train.Config(model="small", data="anything", size=32, batch_size=4))
        saved_model.save(tmp_path / name, made.model.state_dict(), made.info)
        expected = np.stack([made.test_transform(image, None) for image in test.images])
        assert np.array_equal(mg.load(tmp_path / name).preprocess(test.images), expected), name


def test_an_image_may_be_a_file_or_an_array_alone_or_in_a_list(tmp_path):
    image_module = pytest.importorskip("PIL.Image", reason="Pillow is not installed (extra images): no file was read")
    model = mg.load(saved(tmp_path / "model.safetensors"))
    image = digits()[1].images[0]
    image_module.fromarray(image[..., 0]).save(tmp_path / "digit.png")
    one = model.preprocess(image)
    assert one.shape == (1, 8, 8, 1) and one.dtype == np.float32 and np.allclose(one[0], (image - 50.0) / 80)
    assert np.array_equal(model.preprocess(image[..., 0]), one)
    assert np.allclose(model.preprocess(tmp_path / "digit.png"), one, atol=1e-4)  # as grey of equal red, green and blue
    several = model.preprocess([str(tmp_path / "digit.png"), image])
    assert several.shape == (2, 8, 8, 1) and np.allclose(several, one, atol=1e-4)
    assert model.preprocess([]).shape == (0, 8, 8, 1)


def test_anything_but_an_image_is_refused_by_name(tmp_path):
    preprocess = mg.load(saved(tmp_path / "model.safetensors")).preprocess
    with pytest.raises(TypeError, match="preprocess: an image is float32, expected a file's name or a NumPy array uint8"):
        preprocess(np.zeros((8, 8, 1), np.float32))
    with pytest.raises(TypeError, match="preprocess: an image is int, expected"):
        preprocess(3)
    with pytest.raises(ValueError, match=r"preprocess: an image has shape \(8, 8, 4\), expected"):
        preprocess(np.zeros((8, 8, 4), np.uint8))


# ---- predict ----


def test_predict_ranks_the_softmax_of_the_logits(tmp_path):
    model = mg.load(saved(tmp_path / "model.safetensors"))
    images = digits()[1].images[:3]
    logits = model(mg.Tensor(model.preprocess(images))).data.astype(np.float64)
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    for ranking, row in zip(model.predict(images), expected, strict=True):
        assert [name for name, _ in ranking] == [INFO.classes[i] for i in np.argsort(-row)]
        assert np.allclose([p for _, p in ranking], -np.sort(-row), atol=1e-6)
    assert model.predict(images[0], top=1) == [model.predict([images[0]])[0][0]] and model.predict([]) == []
    with pytest.raises(ValueError, match="predict: `top` is 0, expected at least 1"):
        model.predict(images, top=0)


def test_predict_is_the_same_within_no_grad(tmp_path):
    path, images = saved(tmp_path / "model.safetensors"), digits()[1].images[:3]
    with mg.no_grad():
        found = mg.load(path).predict(images)
    assert found == mg.load(path).predict(images)


def test_predict_does_not_apply_softmax_twice(tmp_path):
    model = mg.load(saved(tmp_path / "model.safetensors"))
    image = digits()[1].images[0]
    likely = model.predict(image)
    model.output = mg.nn.Softmax()
    vars(model)["forward"] = lambda x, forward=model.forward: model.output(forward(x))
    model.ends_with_softmax = True
    assert model.predict(image) == likely


def test_a_network_that_is_no_classifier_says_so(tmp_path):
    model = mg.load(saved(tmp_path / "model.safetensors"))
    model.classes = ("a", "b")
    with pytest.raises(ValueError, match=r"model\.safetensors: no classifier: for a batch it gives 1x3, expected a score for each class"):
        model.predict(digits()[1].images[0])


def test_a_loaded_model_is_copied_and_pickled_like_any_other(tmp_path):
    import copy
    import pickle

    model = mg.load(saved(tmp_path / "model.safetensors"))
    image = digits()[1].images[0]
    assert isinstance(model, TrainedModel) and isinstance(model, mg.models.TinyInception)
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert type(other) is type(model) and other.predict(image) == model.predict(image)


# ---- saved again, pruned ----


def test_a_pruned_network_is_saved_and_loaded_with_its_masks(tmp_path):
    model = mg.nn.prune(mg.load(saved(tmp_path / "model.safetensors")), 0.2)
    kept = model.classifier.weight.mask.nonzero()
    model.classifier.weight.data[kept[0][0], kept[1][0]] = 0  # a weight that is trained, and happens to be 0
    mg.save(model, tmp_path / "pruned.safetensors")
    again = mg.load(tmp_path / "pruned.safetensors")
    assert again.info == model.info and mg.nn.masks(again).keys() == mg.nn.masks(model).keys() != set()
    for name, mask in mg.nn.masks(model).items():
        assert np.array_equal(mg.nn.masks(again)[name], mask)
    for name, array in model.state_dict().items():
        assert np.array_equal(again.state_dict()[name], array)


def test_mean_and_std_may_be_integers_when_they_are_given_and_in_the_file(tmp_path):
    model = mg.load(saved(tmp_path / "model.safetensors"), preprocess={"mean": (1,), "std": (np.float32(2.5),)})
    mg.save(model, tmp_path / "again.safetensors")
    again = mg.load(tmp_path / "again.safetensors")
    assert again.preprocess == model.preprocess and again.preprocess.mean == (1.0,) and again.preprocess.std == (2.5,)
    assert mg.load(saved(tmp_path / "earlier.safetensors", INFO._replace(mean=(50,)))).preprocess.mean == (50.0,)


def test_classes_and_preprocessing_that_were_changed_after_loading_are_saved(tmp_path):
    model = mg.load(saved(tmp_path / "model.safetensors"))
    model.classes = ["x", "y", "z"]
    model.preprocess = changed(model.preprocess, (16, 16), mean=(7.0,))
    mg.save(model, tmp_path / "again.safetensors")
    again = mg.load(tmp_path / "again.safetensors")
    assert again.classes == ("x", "y", "z") and again.preprocess == model.preprocess != mg.load(tmp_path / "model.safetensors").preprocess
    image = np.random.default_rng(0).integers(0, 256, (20, 20, 3), np.uint8)
    assert again.predict(image) == model.predict(image)


@pytest.mark.parametrize("name, value, message", [
    ("classes", ("a", "b"), r"`classes`: has 2 names \(a, b\), but .*model\.safetensors has 3 classes"),
    ("preprocess", family("unit", (8, 8, 3)), r"model\.safetensors: takes images \?x\?x1, but they would be 8x8x3"),
    ("preprocess", {"size": 8}, "save: `model.preprocess` is dict, expected a Preprocess"),
])  # fmt: skip
def test_what_could_not_be_loaded_again_is_not_saved(tmp_path, name, value, message):
    model = mg.load(saved(tmp_path / "model.safetensors"))
    setattr(model, name, value)
    with pytest.raises((TypeError, ValueError), match=message):
        mg.save(model, tmp_path / "again.safetensors")
    assert not (tmp_path / "again.safetensors").exists()


@pytest.mark.parametrize("name, mask", [
    ("classifier.weights", np.zeros(1, np.uint8)),
    ("classifier.weight", np.zeros(1, np.uint8)),
    ("classifier.weight", np.zeros(1000, np.float32)),
])  # fmt: skip
def test_a_mask_that_fits_no_weight_is_named(tmp_path, name, mask):
    path = saved(tmp_path / "model.safetensors", **{f"mask:{name}": mask})
    with pytest.raises(ValueError, match=rf"model.safetensors: .*`mask:{name}` is .*, expected a bit for each value of a weight"):
        mg.load(path)


def test_only_what_load_returns_is_saved_with_its_facts(tmp_path):
    with pytest.raises(TypeError, match="save: `model` is TinyInception, expected what `load` returns"):
        mg.save(mg.models.TinyInception(), tmp_path / "model.safetensors")
