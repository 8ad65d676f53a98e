"""Fine-tuning: old weights, a new classifier, other classes."""

import os
import re
import shutil
import signal

import numpy as np
import pytest

import minigoog as mg
from minigoog import curves
from minigoog.data.families import family
from minigoog.formats import safetensors
from minigoog.train import Config, Interrupted, find_lr, finetune, fit, head, loop, resume
from minigoog.train.__main__ import main
from minigoog.train.classifier import DECAY, solved
from minigoog.train.config import from_file

from .runs import assert_same, metrics_of, stop_after

image_module = pytest.importorskip("PIL.Image", reason="Pillow is not installed (extra images): nothing was fine-tuned")
SETTINGS = {"epochs": 1, "batch_size": 4, "workers": 0, "lr": 1e-3}


@pytest.fixture(scope="module", autouse=True)
def no_curves():
    """Drawing curve.png takes longer than the trainings here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(curves, "draw", lambda *_: None)
        yield


def pictures(folder, colours, n=10):
    """A folder of `n` images for each of these classes, each of another colour."""
    for name, colour in colours.items():
        (folder / name).mkdir(parents=True)
        for i in range(n):
            pixels = np.random.default_rng(i).integers(0, 60, (8, 8, 3)) + np.array(colour)
            image_module.fromarray(pixels.astype(np.uint8)).save(folder / name / f"{i}.png")
    return folder


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A run that knows three colours."""
    folder = tmp_path_factory.mktemp("base")
    data = pictures(folder / "old", {"red": (180, 0, 0), "green": (0, 180, 0), "blue": (0, 0, 180)})
    fit(Config(model="tiny", norm=True, epochs=1, batch_size=6, lr=0.01, workers=0, data=data, output=folder / "run"))
    return folder / "run"


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    return pictures(tmp_path_factory.mktemp("other") / "new", {"dark": (20, 20, 20), "light": (170, 170, 170)})


def tune(base, other, output, **changes):
    return fit(from_file("finetune", **SETTINGS | {"weights": base, "data": other, "output": output} | changes))


@pytest.fixture(scope="module")
def tuned(base, other, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tuned") / "run"
    return tune(base, other, folder), folder


def weights(run):
    return safetensors.load(run / "last.safetensors")[0]


def test_a_trained_network_learns_other_classes(tuned, base):
    result, folder = tuned
    model, old = mg.load(folder), mg.load(base)
    assert model.classes == ("dark", "light") and result.confusion.shape == (2, 2)
    assert [line["epoch"] for line in metrics_of(folder)] == [0, 1]
    assert result.accuracy == metrics_of(folder)[-1]["test_accuracy"] == 1
    assert model.preprocess == old.preprocess  # the mean is that of the old weights


def test_the_saved_model_predicts_what_the_run_reported(tuned, other):
    result, folder = tuned
    test = mg.data.open_dataset(other, "test")
    found = [mg.load(folder).predict(path)[0][0] for path in test.files]
    confusion = mg.metrics.confusion_matrix(np.array([("dark", "light").index(name) for name in found]), test.labels, 2)
    assert np.array_equal(confusion, result.confusion)


def test_without_epochs_only_the_classifier_is_new(base, other, tmp_path):
    tune(base, other, tmp_path / "run", epochs=0)
    old, new = weights(base), weights(tmp_path / "run")
    assert {name for name in old if not np.array_equal(old[name], new[name])} == {"classifier.weight", "classifier.bias"}
    assert new["classifier.weight"].shape == (160, 2)
    assert [line["epoch"] for line in metrics_of(tmp_path / "run")] == [0]


@pytest.mark.parametrize("names", [("conv1", "inception2"), ("inception3b",)])
def test_frozen_modules_stay_as_they_are_and_all_others_learn(base, other, tmp_path, names):
    tune(base, other, tmp_path / "run", freeze=names, freeze_norm=False)
    old, new = weights(base), weights(tmp_path / "run")
    for name in old:
        if not name.startswith("classifier"):
            assert np.array_equal(old[name], new[name]) == name.startswith(names), name


def test_normalisation_keeps_its_running_values_unless_it_is_to_follow(tuned, base, other, tmp_path):
    tune(base, other, tmp_path / "run", freeze_norm=False)
    name = "conv1.norm.running_mean"
    assert np.array_equal(weights(tuned[1])[name], weights(base)[name])
    assert not np.array_equal(weights(tmp_path / "run")[name], weights(base)[name])


def test_the_search_for_a_rate_begins_where_fine_tuning_does(base, other, tmp_path, monkeypatch, capsys):
    """With a new classifier that is the best already, what is frozen in evaluation, and no test image."""
    opened, original = [], mg.data.open_dataset
    monkeypatch.setattr(loop, "LOG_EVERY", 1)
    given = {"freeze": ["conv1"], "batch_size": 8}
    tune(base, other, tmp_path / "run", **given)
    first = metrics_of(tmp_path / "run", "losses")[0]["losses"][0]
    config = from_file("finetune", **SETTINGS | given, weights=base, data=other)
    with monkeypatch.context() as patch:
        patch.setattr(mg.data, "open_dataset", lambda name, split, *more: opened.append(split) or original(name, split, *more))
        assert next(find_lr.losses(config, finetune.prepare(config)))[1] == pytest.approx(first, rel=1e-6)
        opened.clear()
        capsys.readouterr()
        find_lr.search(config)
    rate, head_rate = map(float, re.search(r"--lr (\S+) --head-lr (\S+)$", capsys.readouterr().out).groups())
    assert opened == ["train"] and head_rate / rate == pytest.approx(config.head_lr / config.lr, rel=0.1)


@pytest.mark.parametrize("step", [1, pytest.param(4, marks=pytest.mark.slow)])
def test_a_run_that_was_stopped_in_an_epoch_ends_with_the_same_bits(tuned, base, other, tmp_path, monkeypatch, step):
    with monkeypatch.context() as patch:
        stop_after(patch, step)
        with pytest.raises(Interrupted):
            tune(base, other, tmp_path / "run")
    resume(tmp_path / "run", threads=1)
    assert_same(tmp_path / "run", tuned[1])


def test_a_run_that_was_stopped_before_its_classifier_was_trained_ends_with_the_same_bits(tuned, base, other, tmp_path, monkeypatch):
    original = head.solved

    def stop(*args):
        os.kill(os.getpid(), signal.SIGTERM)
        return original(*args)

    with monkeypatch.context() as patch:
        patch.setattr(head, "solved", stop)
        with pytest.raises(Interrupted, match="stopped before epoch 1; what was computed is discarded"):
            tune(base, other, tmp_path / "run")
    resume(tmp_path / "run")
    assert_same(tmp_path / "run", tuned[1])


def test_a_run_does_not_go_on_with_other_old_weights(base, other, tmp_path, monkeypatch):
    state, metadata = safetensors.load(base / "last.safetensors")
    safetensors.save(tmp_path / "old.safetensors", state, metadata)
    with monkeypatch.context() as patch:
        stop_after(patch, 1)
        with pytest.raises(Interrupted):
            tune(tmp_path / "old.safetensors", other, tmp_path / "run")
    state["conv1.conv.weight"] = state["conv1.conv.weight"] + 1
    safetensors.save(tmp_path / "old.safetensors", state, metadata)
    with pytest.raises(ValueError, match="cannot be resumed bit-exactly.*weights of the network: checksum"):
        resume(tmp_path / "run")
    resume(tmp_path / "run", weights=base)  # where the same weights are


def test_an_ensemble_of_fine_tuned_networks_differs_by_sampling(base, other, tmp_path):
    tune(base, other, tmp_path / "run", models=2, augment="crop")
    first, second = (weights(tmp_path / "run" / f"model-{i}") for i in (1, 2))
    assert any(not np.array_equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("changes, message", [
    ({"freeze": ("convl",)}, r"`freeze` has 'convl', expected the name of a module, or how names begin, such as conv1"),
    ({"freeze": ("conv1", "class")}, r"`freeze` has 'class', which is the new classifier"),
    ({"freeze": (1,)}, r"`freeze` is \(1,\), expected a list of names"),
    ({"data": "digits"}, r"`data` has images of 1 channels, but the network of `weights` takes 3"),
    ({"preprocess": "coffee"}, r"`preprocess` is 'coffee', expected one of torchvision, .*caffe"),
    ({"weights": None}, r"`freeze` is \('conv1',\), but without `weights`"),
])  # fmt: skip
def test_settings_that_do_not_fit_are_named(base, other, tmp_path, changes, message):
    with pytest.raises(ValueError, match=message):
        tune(base, other, tmp_path / "run", **{"freeze": ("conv1",)} | changes)
    assert not (tmp_path / "run").exists()


def test_the_program_names_wrong_flags(base, other, capsys):
    for flags, message in [
        (["--weights", "nothing", "--data", other, "--batch-size", 4], "nothing"),
        (["--weights", base, "--model", "tiny"], "--model is given"),
        (["--head-lr", "1", "--data", other], "--head-lr is 1.0, but without --weights"),
        (["--preprocess", "caffe", "--data", other], "--preprocess is 'caffe', but without --weights"),
    ]:  # fmt: skip
        with pytest.raises(SystemExit) as end:
            main(list(map(str, flags)))
        said = capsys.readouterr().err
        assert end.value.code == 2 and message in said, said


@pytest.mark.parametrize("factors", [None, np.array([0.5, 1, 1.5], np.float32)], ids=["alike", "weighted"])
def test_the_classifier_is_where_the_gradient_of_its_objective_is_zero(factors):
    """The judge: the gradient of mean cross-entropy, times the factor of each class, + decay / 2 * w^2 in float64, by hand."""
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(3), 40)
    x = (rng.standard_normal((120, 6)) + labels[:, None] * [1, 0.5, 0, -1, 0, 0]).astype(np.float32) * [1, 10, 0.1, 1, 1, 3]
    *_, found = solved(x.astype(np.float32), labels, 3, True, factors)
    share = (np.ones(3) if factors is None else factors)[labels, None] / len(labels)
    scale, logits = x.std(axis=0), x @ found.weight.astype(np.float64) + found.bias
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    assert found.correct == (p.argmax(axis=1) == labels).sum()
    dlogits = (p - np.eye(3)[labels]) * share
    gradient = ((x - x.mean(axis=0)) / scale).T @ dlogits + DECAY * found.weight * scale[:, None]
    at_zero = ((x - x.mean(axis=0)) / scale).T @ ((1 / 3 - np.eye(3)[labels]) * share)
    assert np.abs(gradient).max() < 0.01 * np.abs(at_zero).max()


def test_balanced_classes_count_alike_for_the_new_classifier_too(base, tmp_path):
    """Classes that look alike are as likely as they are frequent, or equally likely."""
    data = pictures(tmp_path / "data", {"frequent": (20, 20, 20), "rare": (20, 20, 20)})
    for path in list((data / "frequent").iterdir()):
        for copy in "ab":
            shutil.copy(path, path.with_name(f"{path.stem}{copy}.png"))
    for kind, share in (("none", 0.25), ("balanced", 0.5)):
        tune(base, data, tmp_path / kind, epochs=0, class_weights=kind)
        model = mg.load(tmp_path / kind)
        found = [dict(model.predict(path))["rare"] for path in (data / "rare").iterdir()]
        assert np.mean(found) == pytest.approx(share, abs=0.1)


GEMM = [("GlobalAveragePool", "b", "c"), ("Flatten", "c", "d"), ("Gemm", "d", "e")]
CONV = [("Conv", "b", "c"), ("Relu", "c", "d"), ("GlobalAveragePool", "d", "f"), ("Flatten", "f", "e")]  # as in SqueezeNet


def network_from_elsewhere(file, end):
    """Writes an ONNX file: a convolution, ReLU, then `end` with a classifier of 7 classes, and a Softmax."""
    onnx = pytest.importorskip("onnx", reason="onnx is not installed (extra onnx): no network from elsewhere was fine-tuned")
    rng, make, array = np.random.default_rng(0), onnx.helper.make_node, onnx.numpy_helper.from_array
    more = {"Gemm": ["fc.weight", "fc.bias"], "Conv": ["fc.weight", "fc.bias"]}
    nodes = [make("Conv", ["image", "features.weight"], ["a"], pads=[1, 1, 1, 1]), make("Relu", ["a"], ["b"])]
    nodes += [make(kind, [x, *more.get(kind, [])], [y], **({"transB": 1} if kind == "Gemm" else {})) for kind, x, y in end]
    nodes.append(make("Softmax", ["e"], ["probabilities"]))
    shapes = {"features.weight": (12, 3, 3, 3), "fc.weight": (7, 12) if end is GEMM else (7, 12, 1, 1), "fc.bias": (7,)}
    stored = [array(rng.standard_normal(shape).astype(np.float32) / 4, name) for name, shape in shapes.items()]
    ends = {"image": ["n", 3, 8, 8], "probabilities": ["n", 7]}
    values = [onnx.helper.make_tensor_value_info(name, 1, shape) for name, shape in ends.items()]
    graph = onnx.helper.make_graph(nodes, "net", values[:1], values[1:], stored)
    onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 13)]), file)


@pytest.mark.parametrize("end", [GEMM, CONV], ids=["linear", "convolution"])
def test_a_network_from_elsewhere_is_fine_tuned_saved_and_loaded(other, tmp_path, end):
    network_from_elsewhere(tmp_path / "net.onnx", end)
    result = tune(tmp_path / "net.onnx", other, tmp_path / "run", freeze=("features",), preprocess="keras-bicubic")
    assert result.accuracy == 1
    model, old = mg.load(tmp_path / "run"), mg.load(tmp_path / "net.onnx", preprocess="keras-bicubic")
    assert model.classes == ("dark", "light") and model.preprocess == old.preprocess == family("keras-bicubic", (8, 8, 3))
    new, before = model.state_dict(), old.state_dict()
    assert np.array_equal(new["features.weight"], before["features.weight"]) and new["fc.bias"].any()
    ranking = model.predict(next((other / "light").iterdir()))
    assert ranking[0][0] == "light" and sum(p for _, p in ranking) == pytest.approx(1, abs=1e-5)
