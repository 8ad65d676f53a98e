"""Safetensors files that are damaged or hostile: read exactly, or refused by name; and nothing is saved that cannot be loaded."""

import json
import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minigoog.formats import safetensors
from minigoog.formats.safetensors import DTYPES


def encode(header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def a_file():
    header = {
        "__metadata__": {"k": "v"},
        "a": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]},
        "b": {"dtype": "I8", "shape": [4], "data_offsets": [24, 28]},
    }
    return encode(header, bytes(range(28)))


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("safetensors") / "file.safetensors"


def loads_or_names(path, data):
    path.write_bytes(data)
    try:
        safetensors.load(path)
    except ValueError as error:
        assert str(path) in str(error)


@settings(max_examples=400)
@given(st.lists(st.tuples(st.integers(0, len(a_file()) - 1), st.integers(0, 255)), max_size=6), st.integers(0, len(a_file())))
def test_400_damaged_files_are_read_or_refused(path, changes, length):
    data = bytearray(a_file())
    for at, value in changes:
        data[at] = value
    loads_or_names(path, bytes(data[:length]))
    loads_or_names(path, bytes(data))


def test_every_truncation_and_every_flipped_bit_is_read_or_refused(path):
    data = a_file()
    for n in range(len(data)):
        path.write_bytes(data[:n])
        with pytest.raises(ValueError, match="not a valid safetensors file"):
            safetensors.load(path)
    for bit in range(8 * len(data)):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        loads_or_names(path, bytes(flipped))


ODD = [b"NaN", b"-Infinity", b"1e999", b"-0", b"null", b"true", b"9" * 5000, b"9" * 30, b'"\\ud800"', b'""', b"[]", b"{}", b"0.0"]
TOKENS = st.sampled_from(ODD)
FIELDS = st.tuples(TOKENS, TOKENS, TOKENS)


@settings(max_examples=300)
@given(FIELDS, st.binary(max_size=8))
def test_odd_json_in_each_field_is_refused(path, fields, data):
    loads_or_names(path, encode(b'{"a":{"dtype":%s,"shape":[%s],"data_offsets":[0,%s]}}' % fields, data))
    loads_or_names(path, encode(b'{"a":{"dtype":"I8","shape":%s,"data_offsets":%s},"b":%s}' % fields, data))


@pytest.mark.parametrize("header, message", [
    (b'{"a":NaN}', "`a` is nan, expected dtype, shape and data_offsets"),
    (b'{"a":{"dtype":"I8","shape":[NaN],"data_offsets":[0,1]}}', "integers from 0 on"),
    (b'{"a":' * 50_000, "has a damaged header"),
    (b'{"__metadata__":null}', "expected an object of strings"),
    (b'{"a":{"dtype":"I8","dtype":"I8","shape":[1],"data_offsets":[0,1]}}', "a name repeats"),
    (b'{"a":{"dtype":["I8"],"shape":[1],"data_offsets":[0,1]}}', "`a` has dtype ['I8'], expected a string"),
    (b'{"a":{"dtype":"I8","shape":[1],"data_offsets":[false,true]}}', "two integers from 0 on"),
    (b"\xff\xfe", "has a damaged header"),
])  # fmt: skip
def test_errors_with_more_arguments_are_reported(path, header, message):
    path.write_bytes(encode(header, b"x"))
    with pytest.raises(ValueError) as error:
        safetensors.load(path)
    assert message in str(error.value) and str(path) in str(error.value)


@pytest.mark.parametrize("code", sorted(DTYPES.values()))
def test_byte_order_and_strides_of_the_array_do_not_matter(path, code):
    for array in (np.arange(12).reshape(3, 4).astype(code)[::-1, ::2], np.arange(6).astype(np.dtype(code).newbyteorder(">"))):
        safetensors.save(path, {"a": array})
        assert np.array_equal(safetensors.load(path)[0]["a"], array)


@pytest.mark.parametrize("broken", ["fsync", "replace"])
def test_a_save_that_fails_leaves_the_old_file_and_no_temporary(tmp_path, monkeypatch, broken):
    path = tmp_path / "weights"
    safetensors.save(path, {"old": np.ones(3)})

    def no_space(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, broken, no_space)
    with pytest.raises(OSError, match="No space left"):
        safetensors.save(path, {"new": np.ones(3)})
    assert list(safetensors.load(path)[0]) == ["old"] and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("arrays", [{1: np.ones(2), "1": np.zeros(2)}, {"a": np.ones((1,) * 33)}, {"a": np.zeros((0, 2**59), np.int8)}])
def test_what_is_saved_can_be_loaded_or_is_refused_at_once(path, arrays):
    try:
        safetensors.save(path, arrays)
    except (TypeError, ValueError):
        return
    assert len(safetensors.load(path)[0]) == len(arrays)
