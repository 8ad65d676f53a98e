"""Files of class names."""

import json

import pytest

from minigoog.data import class_names


@pytest.mark.parametrize("text, expected", [
    ("cat\ndog\n", ("cat", "dog")),
    ("\ufeffcat\r\nsea lion\r\n\r\n", ("cat", "sea lion")),
    ("n01440764 tench, Tinca tinca\nn01443537 goldfish\n", ("tench, Tinca tinca", "goldfish")),
    ("n01440764 tench\ncat\n", ("n01440764 tench", "cat")),
    (json.dumps(["cat", "Löwe"]), ("cat", "Löwe")),
    (json.dumps({"1": "dog", "0": "cat"}), ("cat", "dog")),
    (json.dumps({"0": ["n01440764", "tench"], "1": ["n01443537", "goldfish"]}), ("tench", "goldfish")),
])  # fmt: skip
def test_names_are_read_in_the_order_of_the_classes(tmp_path, text, expected):
    (tmp_path / "names").write_text(text, encoding="utf-8")
    assert class_names.read(tmp_path / "names") == expected


@pytest.mark.parametrize("data, message", [
    (b"", "it is empty"), (b"cat\n\ndog\n", "name 1 is empty"), (b"\xff\xfe\x00", "it is not utf-8 text"),
    (b'{"a": "cat"}', "its object has 'a', expected the numbers 0 to 0"), (b"[1, 2]", "it has 1, expected names"),
    (b'["a', "Unterminated"), (b"a" * (1 << 20) + b"b", "more than 1048576 bytes"), (b"[" * 100_000, "it is nested too deeply"),
])  # fmt: skip
def test_a_file_without_names_is_refused(tmp_path, data, message):
    (tmp_path / "names").write_bytes(data)
    with pytest.raises(ValueError, match=f"names: not a file of class names .*{message}") as error:
        class_names.read(tmp_path / "names")
    assert "\n" not in str(error.value)


def test_names_beside_the_weights_are_taken_if_their_number_fits(tmp_path):
    weights = tmp_path / "model.onnx"
    assert class_names.beside(weights, 2) == ()
    (tmp_path / "synset_words.txt").write_text("n01440764 tench\nn01443537 goldfish\n")
    assert class_names.beside(weights, 2) == ("tench", "goldfish") and class_names.beside(weights, 3) == ()
    (tmp_path / "synset_words.txt").write_bytes(b"\xff")
    assert class_names.beside(weights, 2) == ()
