"""Files of weights: what is written is read, and nothing else is."""

import json
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from minigoog.formats import safetensors
from minigoog.formats.safetensors import DTYPES
from tests.answers import asked

NAMES = st.text(max_size=8).filter(lambda name: name != "__metadata__")
SHAPES = hnp.array_shapes(min_dims=0, min_side=0, max_side=4)
CODES = st.sampled_from(sorted(DTYPES.values()))
ARRAYS = st.dictionaries(NAMES, CODES.flatmap(lambda code: hnp.arrays(np.dtype(code), SHAPES)), max_size=4)


def encode(header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("safetensors") / "file.safetensors"


@given(ARRAYS, st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3))
def test_saved_data_is_loaded_unchanged(path, arrays, metadata):
    safetensors.save(path, arrays, metadata)
    loaded, info = safetensors.load(path)
    assert info == metadata and loaded.keys() == arrays.keys()
    for name, array in arrays.items():
        assert loaded[name].dtype == array.dtype and loaded[name].shape == array.shape
        assert loaded[name].tobytes() == array.tobytes()


SOME = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.array(True), "c": np.zeros((0, 2), np.int64)}


@asked("safetensors")
def the_reference_implementation():
    """What it writes, and what it reads from a file of ours."""
    from safetensors.numpy import load, save

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "ours")
        safetensors.save(path, SOME)
        ours = path.read_bytes()
    return {"written": np.frombuffer(save(SOME), np.uint8), "ours": np.frombuffer(ours, np.uint8)} | load(ours)


def test_the_reference_implementation_reads_and_writes_the_same(path):
    theirs = the_reference_implementation()
    safetensors.save(path, SOME)
    assert path.read_bytes() == theirs["ours"].tobytes()
    assert all(np.array_equal(theirs[name], array) for name, array in SOME.items())
    path.write_bytes(theirs["written"].tobytes())
    assert all(np.array_equal(safetensors.load(path)[0][name], array) for name, array in SOME.items())


def a_file():
    header = {
        "__metadata__": {"k": "v"},
        "a": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]},
        "b": {"dtype": "I8", "shape": [4], "data_offsets": [24, 28]},
    }
    return encode(header, bytes(range(28)))


CHANGES = st.lists(st.tuples(st.integers(0, len(a_file()) - 1), st.integers(0, 255)), max_size=6)


@given(CHANGES, st.integers(0, len(a_file())), st.binary(max_size=3))
def test_a_damaged_file_is_refused_or_read_but_never_crashes(path, changes, length, more):
    data = bytearray(a_file())
    for at, value in changes:
        data[at] = value
    path.write_bytes(bytes(data[:length] if more == b"" else data + more))
    try:
        safetensors.load(path)
    except ValueError as error:
        assert str(path) in str(error)


def entry(dtype="F32", shape=(2,), offsets=(0, 8)):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


@pytest.mark.parametrize("data, message", [
    (b"", "it is empty"),
    (b"\0" * 7, "ends 1 bytes too early"),
    (b"\xff" * 8, "it starts like no such file"),
    (b"\xff\xd8\xff\xe0\0\x10JFIF", "not a valid safetensors file: it is a JPEG image"),
    (b"PK\3\4\0\0\x08\x08\0\0", "it is a zip archive (.zip, .pth, .npz)"),
    (b"\x80\2\x8a\nl\xfc\x9cF\xf9 j\xa8P", "it is a pickle (.pkl, .pth)"),
    (b"hello\nworld\n", "not a valid safetensors file: it is text"),
    ((100).to_bytes(8, "little") + b"{}", "has a header of 100 bytes, expected at most 2"),
    (encode(b"not json"), "has a damaged header"),
    (encode(b"[" * 100_000), "has a damaged header"),
    (encode(b"[]"), "has a damaged header ([], expected an object)"),
    (encode(b'{"a": 1, "a": 2}'), "a name repeats"),
    (encode({"__metadata__": {"a": 1}}), "expected an object of strings"),
    (encode({"a": {"dtype": "F32"}}), "`a` is {'dtype': 'F32'}, expected dtype, shape and data_offsets"),
    (encode({"a": entry("F8", offsets=(8, 0))}, bytes(8)), "`a` has -8 bytes"),
    (encode({"a": entry("F4", offsets=(0, 8))}, bytes(8)), "`a` has 8 bytes, expected 1 for F4 [2]"),
    (encode({"a": entry("F8_E5M2")}, bytes(8)), "`a` has 8 bytes, expected 2 for F8_E5M2 [2]"),
    (b"\x00\x00\x21\0\0\0\0\0" + bytes(3 << 20), "has a header of 2162688 bytes, expected at most 2097152 by minigoog"),
    (encode({"a": entry(shape=(-1,))}, bytes(8)), "expected at most 32 integers from 0 on"),
    (encode({"a": entry(shape=(True, 2))}, bytes(8)), "expected at most 32 integers from 0 on"),
    (encode({"a": entry(shape=(1,) * 33)}, bytes(8)), "expected at most 32 integers from 0 on"),
    (encode({"a": entry(shape=(2**40, 2**40))}, bytes(8)), "has 8 bytes, expected 4835703278458516698824704 for F32"),
    (encode({"a": entry(shape=(0, 2**61), offsets=(0, 0))}), "expected fewer than 2^62 bytes"),
    (encode({"a": entry(offsets=(8, 0))}, bytes(8)), "`a` has -8 bytes"),
    (encode({"a": entry(offsets=(0.0, 8.0))}, bytes(8)), "expected two integers from 0 on"),
    (encode({"a": entry(), "b": entry()}, bytes(8)), "a gap or an overlap at byte 0"),
    (encode({"a": entry(offsets=(4, 12))}, bytes(12)), "a gap or an overlap at byte 0"),
    (encode({"a": entry()}, bytes(9)), "has 9 bytes of data, expected 8 by its header"),
    (encode({"a": entry()}, bytes(7)), "has 7 bytes of data, expected 8 by its header"),
])  # fmt: skip
def test_each_way_to_be_wrong_is_said(path, data, message):
    path.write_bytes(data)
    with pytest.raises(ValueError) as error:
        safetensors.load(path)
    assert message in str(error.value) and str(path) in str(error.value)


def test_what_cannot_be_saved_is_named_and_leaves_the_old_file(path):
    safetensors.save(path, {"old": np.ones(3, np.float32)})
    for arrays, metadata, message in (
        ({"a": np.ones(2, np.complex64)}, None, "`a` is complex64"),
        ({"a": np.array(["text"])}, None, "`a` is <U4"),
        ({"__metadata__": np.ones(2)}, None, "`arrays` has the name '__metadata__', expected a string"),
        ({}, {"epoch": 3}, "`metadata` has 3 under 'epoch', expected a string"),
    ):
        with pytest.raises((TypeError, ValueError), match=message):
            safetensors.save(path, arrays, metadata)
    assert list(safetensors.load(path)[0]) == ["old"]


def test_bf16_is_read_as_the_float32_of_the_same_value(path):
    # bfloat16 is sign, 8 bits of exponent, 7 of fraction: 0x3FC0 = 1.5, 0x0001 = 2^-133, 0x7F7F = 255 * 2^120
    bits = np.array([0x3FC0, 0xC000, 0x0000, 0x8000, 0x0001, 0x7F7F, 0x7F80, 0x7FC0], "<u2")
    values = [1.5, -2.0, 0.0, -0.0, 2.0**-133, 255 * 2.0**120, np.inf, np.nan]
    path.write_bytes(encode({"a": entry("BF16", (2, 4), (0, 16))}, bits.tobytes()))
    loaded = safetensors.load(path)[0]["a"]
    assert loaded.dtype == np.float32 and loaded.tobytes() == np.float32(values).reshape(2, 4).tobytes()


@pytest.mark.parametrize("dtype, n", [("F4", 16), ("Q3", 7), ("F6_E2M3", 8)])
def test_an_array_of_a_type_that_is_not_read_is_named_when_it_is_asked_for_and_not_before(path, dtype, n):
    length = {"F4": 8, "F6_E2M3": 6}.get(dtype, 5)
    path.write_bytes(encode({"a": entry(offsets=(length, length + 8)), "odd": entry(dtype, (n,), (0, length))}, bytes(length + 8)))
    arrays = safetensors.load(path)[0]
    assert sorted(arrays) == ["a", "odd"] and "odd" in arrays and arrays["a"].tolist() == [0, 0]
    with pytest.raises(ValueError, match=f"`odd` has dtype {dtype}, which minigoog does not read, expected one of F64") as error:
        dict(arrays)
    assert "not a valid" not in str(error.value) and str(path) in str(error.value)
    arrays["odd"] = arrays.pop("a")
    assert [array.shape for array in dict(arrays).values()] == [(2,)] and len(arrays) == 1


VIEWS = {  # a writer that copies memory without looking at strides gets them wrong
    "oihw": np.arange(24, dtype=np.float32).reshape(1, 2, 3, 4).transpose(3, 2, 0, 1),
    "fortran": np.asfortranarray(np.arange(6, dtype=np.float64).reshape(2, 3)),
    "every-second": np.arange(8, dtype=np.int32)[::2],
    "backwards": np.arange(5, dtype=np.float16)[::-1],
    "repeated": np.broadcast_to(np.float32(3), (2, 2)),
    "big-endian": np.arange(3, dtype=">f4"),
}


@asked("safetensors")
def the_reference_implementation_reads_views():
    """What it reads from a file of ours with VIEWS."""
    from safetensors.numpy import load_file

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "ours")
        safetensors.save(path, VIEWS)
        return load_file(path) | {"bytes": np.frombuffer(path.read_bytes(), np.uint8)}


def test_views_are_written_by_their_values_not_by_their_memory(path):
    theirs = the_reference_implementation_reads_views()
    safetensors.save(path, VIEWS)
    assert path.read_bytes() == theirs["bytes"].tobytes()
    for name, array in VIEWS.items():
        assert theirs[name].dtype == array.dtype.newbyteorder("=") and np.array_equal(theirs[name], array), name


def test_an_entry_may_have_more_fields(path):
    """The reference implementation ignores them."""
    path.write_bytes(encode({"a": entry() | {"note": 1}}, bytes(8)))
    assert safetensors.load(path)[0]["a"].tolist() == [0, 0]


def test_what_would_be_refused_because_of_its_header_is_not_saved(path):
    with pytest.raises(ValueError, match=r"make a header of \d+ bytes, expected at most 2097152"):
        safetensors.save(path, {}, {"a": "b" * (2 << 20)})
