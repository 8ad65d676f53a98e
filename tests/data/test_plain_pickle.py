"""Pickles of plain data: read without calling anything, and refused when they hold anything else."""

import contextlib
import os
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minigoog.data import plain_pickle


class Evil:
    """What an attacker would pickle."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


VALUES = [
    {"a": [1, -2, 3.5, None, True, False, 2**40, -(2**70)], "b": ("x", "y", "z"), "c": {}, "d": (), "e": b"\xff\x00"},
    np.arange(12, dtype=np.uint8).reshape(3, 4), np.asfortranarray(np.arange(6, dtype=np.int64).reshape(2, 3)), [np.float32([1.5])],
]  # fmt: skip


@pytest.mark.parametrize("protocol", [2, 3, 4])
@pytest.mark.parametrize("value", VALUES, ids=range(len(VALUES)))
def test_plain_data_come_back(protocol, value):
    got = plain_pickle.load(pickle.dumps(value, protocol))
    assert repr(got) == repr(value)


def test_python_2s_strings_are_bytes_but_keys_are_text():
    # python2 -c "import pickle; print(repr(pickle.dumps({'labels': ['cat', 3]}, 2)))"
    assert plain_pickle.load(b"\x80\x02}q\x00U\x06labelsq\x01]q\x02(U\x03catq\x03K\x03es.") == {"labels": [b"cat", 3]}


@pytest.mark.parametrize("evil", [
    Evil(os.system, "touch /nonexistent/owned"), Evil(eval, "1 + 1"), Evil(getattr, dict, "keys"), Evil(np.load, "x"),
    {"data": Evil(os.getpid)}, Evil(__import__, "os"), Evil(np.dtype, "O"),
], ids=["system", "eval", "getattr", "np.load", "inside", "import", "objects"])  # fmt: skip
def test_nothing_in_a_pickle_is_called(evil):
    with pytest.raises(ValueError, match="pickle"):
        value = plain_pickle.load(pickle.dumps({"data": evil}, 2))
        np.asarray(value["data"])  # a dtype alone is plain, but nothing that the reader gives out


@settings(max_examples=500)
@given(changes=st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=6), cut=st.integers(0, 400))
def test_fuzzed_pickles_are_read_or_refused(changes, cut):
    data = bytearray(pickle.dumps({"data": np.arange(20, dtype=np.uint8).reshape(4, 5), "labels": [1, 2, 3]}, 2))
    for at, value in changes:
        data[at % len(data)] = value
    with contextlib.suppress(ValueError):
        plain_pickle.load(bytes(data[:cut] if cut < 200 else data))
