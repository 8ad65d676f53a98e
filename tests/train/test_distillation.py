"""Distillation: the teacher sees the same images, whatever their normalisation, and is part of what decides the bits."""

import shutil

import numpy as np
import pytest

import minigoog as mg
from minigoog.formats import saved_model
from minigoog.train import Config, Interrupted, fit, resume
from minigoog.train.distillation import Teacher

from .runs import assert_same, quick_epochs, stop_after

SETTINGS = {"model": "tiny", "epochs": 2, "batch_size": 15, "workers": 0}


@pytest.fixture(autouse=True, scope="module")
def four_steps():
    """Epochs of 4 steps, the last of them smaller, without a figure."""
    with quick_epochs():
        yield


@pytest.fixture(scope="module")
def dense(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dense") / "run"
    fit(Config(**SETTINGS, norm=True, output=folder))
    return folder


def taught(dense, **changes):
    return Config(**SETTINGS | {"distill": str(dense)} | changes)


def test_the_teacher_sees_images_as_it_was_trained_on_them(tmp_path, dense):
    """Its own file says mean 100 and deviation 50; the student's images are prepared with others."""
    model = mg.load(dense)
    saved_model.save(tmp_path / "teacher.safetensors", model.state_dict(), model.info._replace(mean=(100.0,), std=(50.0,)))
    pixels = np.random.default_rng(0).integers(0, 255, (3, *model.info.input_size)).astype(np.float32)
    teacher = Teacher(taught(tmp_path / "teacher.safetensors"), model.info._replace(mean=(20.0,), std=(80.0,)), "RGB")
    expected = model(mg.Tensor((pixels - 100) / 50)).data
    assert np.allclose(teacher((pixels - 20) / 80), expected, atol=1e-3 * np.abs(expected).max())


def test_colours_are_put_in_the_order_of_the_teacher(tmp_path):
    """Blue, green, red for one that was trained by Caffe; the means are 10, 20, 30 of red, green, blue for the student."""
    mg.manual_seed(0)
    model = mg.models.TinyInception(num_classes=3, in_channels=3)
    arguments, mean = {"num_classes": 3, "in_channels": 3}, (104.0, 117.0, 123.0)
    teacher_info = saved_model.Info("tiny", arguments, ("a", "b", "c"), (8, 8, 3), mean, (1.0,) * 3, {})
    described = {"preprocess": '{"resize": 8, "colours": "BGR"}'}
    saved_model.save(tmp_path / "t.safetensors", model.state_dict(), teacher_info._replace(more=described))
    pixels = np.random.default_rng(0).integers(0, 255, (2, 8, 8, 3)).astype(np.float32)
    info = teacher_info._replace(mean=(10.0, 20.0, 30.0), std=(2.0, 4.0, 8.0))
    got = Teacher(taught(tmp_path / "t.safetensors"), info, "RGB")((pixels - np.float32([10, 20, 30])) / np.float32([2, 4, 8]))
    expected = model.eval()(mg.Tensor(pixels[..., ::-1] - np.float32([104, 117, 123]))).data
    assert np.allclose(got, expected, rtol=1e-3, atol=1e-3 * np.abs(expected).max())


def test_with_all_the_weight_on_the_teacher_labels_do_not_matter(dense, tmp_path, monkeypatch):
    fit(taught(dense, distill_weight=1, output=tmp_path / "a"))
    original = mg.data.ArrayDataset.__init__
    with monkeypatch.context() as patch:
        patch.setattr(mg.data.ArrayDataset, "__init__", lambda self, images, labels, classes: original(self, images, labels * 0, classes))
        fit(taught(dense, distill_weight=1, output=tmp_path / "b"))
    a, b = (saved_model.load(tmp_path / name / "last.safetensors")[0] for name in "ab")
    assert all(np.array_equal(a[name], b[name]) for name in a)


def test_a_pruned_student_that_was_stopped_ends_with_the_same_bits(dense, tmp_path, monkeypatch):
    settings = {"prune": 0.5, "prune_steps": 3}
    fit(taught(dense, **settings, output=tmp_path / "whole"))
    with monkeypatch.context() as patch:
        stop_after(patch, 3)
        with pytest.raises(Interrupted):
            fit(taught(dense, **settings, output=tmp_path / "stopped"))
    shutil.copytree(dense, tmp_path / "moved")
    resume(tmp_path / "stopped", distill=str(tmp_path / "moved"))
    assert_same(tmp_path / "stopped", tmp_path / "whole")
    with monkeypatch.context() as patch:
        stop_after(patch, 3)
        with pytest.raises(Interrupted):
            fit(taught(dense, **settings, output=tmp_path / "other"))
    model = mg.load(dense)
    model.classifier.bias.data += 1
    mg.save(model, tmp_path / "another.safetensors")
    with pytest.raises(ValueError, match="cannot be resumed bit-exactly.*weights of the teacher: checksum"):
        resume(tmp_path / "other", distill=str(tmp_path / "another.safetensors"))


@pytest.mark.parametrize("change, message", [
    ({"classes": tuple("abcdefghij")}, "whose classes are a, b, .*expected those of `data`: 0, 1"),
    ({"input_size": (16, 16, 1)}, r"which takes images \(16, 16, 1\), expected \(8, 8, 1\)"),
])  # fmt: skip
def test_a_teacher_of_other_classes_or_images_is_refused_before_any_folder_is_made(dense, tmp_path, change, message):
    model = mg.load(dense)
    info = model.info._replace(more={}, **change)
    saved_model.save(tmp_path / "t.safetensors", model.state_dict(), info)
    with pytest.raises(ValueError, match="train: `distill` is '.*t.safetensors', " + message):
        fit(taught(tmp_path / "t.safetensors", output=tmp_path / "run"))
    assert not (tmp_path / "run").exists()
