"""The settings of a detector: this package's configurations, and files with mistakes."""

from pathlib import Path

import pytest

from minigoog.detection.__main__ import main
from minigoog.detection.rcnn import settings
from minigoog.reading import DamagedFile


def test_the_papers_settings():
    paper = settings.from_facts(settings.from_file("paper"))
    assert (paper.size, paper.superpixels, paper.models, paper.regress, paper.multibox) == (224, 2, 6, False, 200)
    # R-CNN's, from its selective_search_boxes.m and pascal_finetune_solver.prototxt
    assert (paper.smallest, paper.width, paper.most, paper.overlap) == (20, 500, 2000, 1)
    assert (paper.rate, paper.head_rate, paper.drop) == (0.001, 0.01, 20_000)


def test_every_configuration_is_documented_and_a_name_that_is_none_is_refused():
    page = (Path(__file__).parents[2] / "docs" / "detection.md").read_text()
    for name in settings.names():
        assert settings.from_facts(settings.from_file(name)) and f"--config {name}" in page
    with pytest.raises(ValueError, match="train: `config` is 'fast', expected one of crops96, paper, or a TOML file"):
        settings.from_file("fast")


@pytest.mark.parametrize(("text", "message"), [
    ("colour = 3", "there is no setting 'colour', expected some of size, "), ("size = 8", "`size` is 8, expected at least 32"),
    ("nms = 2", "`nms` is 2.0, expected"), ('head = "tree"', "`head` is 'tree', expected one of softmax, svm"), ("svm = 1", "`svm` is 1"),
    ('head = "svm"\nsvm = false', "`head` is svm, but `svm` is false"), ("frozen = 3", "`frozen` is 3, expected the name of a layer"),
])  # fmt: skip
def test_wrong_settings_are_named(tmp_path, text, message):
    (path := tmp_path / "a.toml").write_text(text)
    with pytest.raises((ValueError, TypeError), match=f"train: {message}"):
        settings.from_facts(settings.from_file(path))


def test_a_file_that_is_no_toml_is_refused_by_name(tmp_path):
    (path := tmp_path / "a.toml").write_text("size = = 3")
    with pytest.raises(DamagedFile, match=f"{path}: not a file of settings"):
        settings.from_file(path)


@pytest.mark.parametrize(("text", "message"), [
    ('size = "112"', "--size is '112', expected an integer"), ("seed = true", "--seed is True, expected an integer"),
    ('nms = "high"', "--nms is 'high', expected a number"), ("svm = 1", "--svm is 1, expected True or False"),
    ("rate = [1]", "--rate is [1], expected a number"), ("size = 8", "--size is 8, expected at least 32"),
    ("colour = 3", "there is no setting 'colour', expected some of size"),
])  # fmt: skip
def test_a_wrong_value_in_a_file_of_settings_is_one_line_that_names_both(tmp_path, capsys, text, message):
    (path := tmp_path / "a.toml").write_text(text)
    with pytest.raises(SystemExit) as end:
        main(["train", "--data", "x", "--weights", "y", "--output", str(tmp_path / "new"), "--config", str(path)])
    error = capsys.readouterr().err
    assert end.value.code == 2 and error.count("\n") == 1 and message in error and f" (in {path})" in error, error
