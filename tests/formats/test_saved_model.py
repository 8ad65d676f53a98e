"""A saved model: its weights and all that is needed to use them."""

import json

import numpy as np
import pytest

from minigoog.formats import safetensors, saved_model

ARGUMENTS = {"num_classes": 2, "in_channels": 3}
INFO = saved_model.Info("tiny", ARGUMENTS, ("cat", "dog"), (8, 9, 3), (1.0, 2.0, 3.0), (4.0, 5.0, 6.0), {"epoch": "7"})
WEIGHTS = {"a": np.arange(6, dtype=np.float32).reshape(2, 3)}


def test_saved_data_is_loaded_unchanged(tmp_path):
    saved_model.save(tmp_path / "model", WEIGHTS, INFO)
    weights, info = saved_model.load(tmp_path / "model")
    assert info == INFO and np.array_equal(weights["a"], WEIGHTS["a"])


def write(path, **changes):
    metadata = INFO.as_metadata() | changes
    safetensors.save(path, WEIGHTS, {name: text for name, text in metadata.items() if text is not None})


@pytest.mark.parametrize("changes, message", [
    ({"mean": None}, "not a saved model of minigoog: its metadata has no `mean`"),
    ({"model": "[]"}, "`model` ([], expected str)"),
    ({"classes": "[1]"}, "`classes` or `more` holds something other than strings"),
    ({"classes": "3"}, "`classes` (3, expected a list)"),
    ({"arguments": "[]"}, "`arguments` ([], expected an object)"),
    ({"input_size": "[0, 9, 3]"}, "`input_size` is [0, 9, 3], expected [height, width, 1 or 3]"),
    ({"input_size": "[65535, 65535, 3]"}, "`input_size` is [65535"),
    ({"input_size": "[8, 9, 2]"}, "`input_size` is"),
    ({"input_size": '"abc"'}, "`input_size` ('abc', expected a list)"),
    ({"mean": "[1.0]"}, "expected a finite number for each of 3 channels"),
    ({"mean": "[NaN, 1.0, 1.0]"}, "`mean` is [nan, 1.0, 1.0]"),
    ({"mean": "[]", "std": "[1.0, 1.0, 1.0, 1.0, 1.0, 1.0]"}, "expected a finite number for each of 3"),
    ({"std": "[Infinity, 1.0, 1.0]"}, "and `std` [inf, 1.0, 1.0]"),
    ({"std": "[1.0, 2.0, -1.0]"}, "expected a finite number for each of 3"),
    ({"std": "[1.0, 2.0, true]"}, "expected a finite number for each of 3"),
    ({"more": "{"}, "metadata is damaged"),
    ({"more": "[1]"}, "metadata is damaged"),
    ({"more": '["a"]'}, "metadata is damaged"),
    ({"classes": "{}"}, "metadata is damaged"),
    ({"classes": '"0123456789"'}, "metadata is damaged"),
    ({"more": "[" * 100_000}, "metadata is damaged"),
    ({"more": "[]"}, "`more` ([], expected an object)"),
    ({"more": json.dumps({"a": 1})}, "`classes` or `more` holds something other than strings"),
])  # fmt: skip
def test_wrong_metadata_is_refused_by_name(tmp_path, changes, message):
    write(tmp_path / "model", **changes)
    with pytest.raises(ValueError) as error:
        saved_model.load(tmp_path / "model")
    assert message in str(error.value) and str(tmp_path / "model") in str(error.value)


def test_a_runs_folder_gives_the_averaged_weights_first(tmp_path):
    for name in reversed(saved_model.NAMES):
        (tmp_path / name).write_bytes(b"")
        assert saved_model.find(tmp_path) == tmp_path / name
    assert saved_model.find(tmp_path / "last.safetensors") == tmp_path / "last.safetensors"


@pytest.mark.parametrize("name, message", [("nothing", "no such run folder or file of weights"), ("empty", "has neither averaged")])
def test_a_missing_file_is_named(tmp_path, name, message):
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match=f"{name}: {message}"):
        saved_model.find(tmp_path / name)
