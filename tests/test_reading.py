"""The one error of all readers, and their limits."""

import gzip
import io
import json
import tracemalloc

import pytest

from minigoog import reading
from minigoog.reading import DamagedFile, json_value, limited, short, unpacked, up_to


@pytest.mark.parametrize("error, said", [
    (ValueError("no\nheader"), r"f: not valid \(no header\); try again"), (KeyError("a"), "it has no 'a'"),
    (RecursionError(), "nested too deeply"),
    (MemoryError(), "out of memory: it needs more than there is"),
    (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "no"), "it is not utf-8 text"),
    (TypeError("an int"), "TypeError: an int"), (gzip.BadGzipFile("no gzip"), r"\(no gzip\)"), (ValueError("a" * 999), r"a{300}\.\.\."),
])  # fmt: skip
def test_what_a_parser_raises_becomes_one_error_that_names_the_file_and_keeps_the_cause(error, said):
    with pytest.raises(DamagedFile, match=said) as raised, reading.reading("f", "not valid", "try again"):
        raise error
    assert raised.value.__cause__ is error and str(raised.value).startswith("f: not valid (")


PASS = DamagedFile("g: damaged"), FileNotFoundError(2, "no", "g"), AssertionError(), ImportError(), KeyboardInterrupt()


@pytest.mark.parametrize("error", PASS)
def test_errors_of_the_system_and_faults_of_this_package_pass(error):
    with pytest.raises(type(error)) as raised, reading.reading("f", "not valid"):
        raise error
    assert raised.value is error


@pytest.mark.parametrize("value, said", [
    ([1, 2.5, None, "a"], "[1, 2.5, None, 'a']"), ({"a": 3}, "{'a': 3}"), ([[1]], "[...]"), (True, "True"), (2**999, "..."),
    ("\x1b[2J", r"\x1b[2J"), ("a" * 99, "a" * 80 + "..."), (object(), "..."),
])  # fmt: skip
def test_values_are_shown_in_a_few_printable_characters(value, said):
    assert short(value) == said


def test_values_that_are_nested_or_shared_take_no_time_to_show():
    deep, shared = [], (1, 1)
    for _ in range(100_000):
        deep = [deep]
    for _ in range(60):
        shared = (shared, shared)
    assert short(deep) == "[...]" and short({"a": deep}) == "{'a': ...}" and short(shared) == "[..., ...]"


@pytest.mark.parametrize("text, kind, said", [
    ("[]", dict, r"\[\], expected an object"), ("3", list, "3, expected a list"), ("true", int, "True, expected int"),
    (" " * (reading.LONGEST_JSON + 1), dict, "expected at most 2097152"), (b"\xff\xfe", dict, "codec can't decode"),
])  # fmt: skip
def test_json_of_another_kind_is_refused(text, kind, said):
    with pytest.raises(ValueError, match=said):
        json_value(text, kind)
    assert json_value(json.dumps({"a": [1]}), dict) == {"a": [1]}


def test_a_file_is_read_no_further_than_asked_and_takes_no_memory_for_what_is_not_there():
    assert up_to(io.BytesIO(b"abc"), 2) == b"ab" and limited(io.BytesIO(b"abc"), 3) == b"abc"
    with pytest.raises(ValueError, match="more than 2 bytes"):
        limited(io.BytesIO(b"abc"), 2)
    tracemalloc.start()
    assert up_to(io.BytesIO(b"abc"), 1 << 50) == b"abc" and tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()


def test_gzip_is_recognised_by_its_bytes():
    assert unpacked(io.BytesIO(gzip.compress(b"abc"))).read() == b"abc" == unpacked(io.BytesIO(b"abc")).read()
