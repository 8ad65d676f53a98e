"""Numbers, names and tables as text."""

import ast
import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from minigoog import text
from minigoog.evaluate import __main__ as evaluate
from minigoog.text import duration, human_bytes, listed, short, shortened

SOURCE = Path(__file__).resolve().parents[1] / "src" / "minigoog"
# expressions whose lists cannot become long: constants, slices, names of a module's own things
SHORT = re.compile(r"[A-Z_]+|map\(str, [A-Z_]+\)|.*\[:-?\d\]|.* in [A-Z_]+\)|\(\*also, \*[A-Z_]+\)|near|names|choices|recipes\(\)|"
                   r"available_isas\(\)|self\.defaults")  # fmt: skip


def test_durations():
    assert [duration(s) for s in (0.4, 59.4, 59.6, 725, 11525.2)] == ["0 s", "59 s", "1:00", "12:05", "3:12:05"]


def test_bytes():
    texts = ["0 B", "1023 B", "1.0 KiB", "1.5 MiB", "1.0 GiB", "2048.0 GiB"]
    assert [human_bytes(n) for n in (0, 1023, 1024, 1.5 * 2**20, 2**30, 2**41)] == texts


@pytest.mark.parametrize("name, shown", [
    ("photos/cat 1.jpg", "photos/cat 1.jpg"), ("ü ☃ 🐈", "ü ☃ 🐈"), ("a\u202fPM", "a\u202fPM"),
    ("a\x7fb\nc", "a\\x7fb\\nc"), ("\x1b[31m", "\\x1b[31m"), ("\u202egpj.exe", "\\u202egpj.exe"), ("bl\udcfcte", "bl\\udcfcte"),
])  # fmt: skip
def test_names_are_shown_without_characters_that_act_on_a_terminal_or_cannot_be_encoded(name, shown):
    assert text.printable(name) == shown == text.printable(shown)
    shown.encode()
    assert set(text.file_name(name)) <= {*name, "_"} and text.printable(text.file_name(name)) == text.file_name(name)


@pytest.mark.parametrize("name", ["plain", "two words", "it's", "a\x7fb\nc'\"\\$x", "bl\udcfcte ü", "\x1b[31m"])
def test_a_word_for_the_shell_is_the_name_again(name):
    if not shutil.which("bash"):
        pytest.skip("no bash here")
    word = text.shell_word(name)
    assert text.printable(word) == word
    done = subprocess.run(["bash", "-c", f"printf %s {word}"], capture_output=True, check=True)
    assert done.stdout == os.fsencode(name)


def test_tables_show_odd_names_in_straight_columns():
    assert text.aligned([("run", "n"), ("a\n\x1b", "1")]) == "run      n\n----------\na\\n\\x1b  1"
    assert text.confusion_text(np.eye(2, dtype=int), ["a\n", "b"]).split("\n")[1] == f"{'a' + chr(92) + 'n':>16}    1   ."


def test_lists_end_after_a_few_names_and_long_names_lose_their_middle():
    assert listed(["a", "b"]) == "a, b" and listed([]) == "" and listed(range(4), most=2) == "0, 1 and 2 more"
    assert listed(range(5000)) == "0, 1, 2, 3, 4, 5, 6, 7 and 4,992 more"
    assert shortened("x" * 60, 60) == "x" * 60 and shortened("abc" * 30, 15) == "abcab ... bcabc"
    assert all(len(shortened("x" * 100, n)) <= n for n in range(5, 100))


@pytest.mark.parametrize("value, said", [
    ([1, 2.5, None, "a"], "[1, 2.5, None, 'a']"), ({"a": 3}, "{'a': 3}"), ([[[1]]], "[[[...]]]"), (True, "True"), ("\x1b[2J", r"'\x1b[2J'"),
    (range(9), "range(0, 9)"), (list(range(99)), "[0, 1, 2, 3, 4, 5, ...]"), (1 << 33215, "an integer of 33,216 bits"),
], ids=lambda value: type(value).__name__)  # fmt: skip
def test_values_are_shown_in_a_few_printable_characters(value, said):
    assert short(value) == said


@pytest.mark.parametrize("value", [
    "a" * 10**6, b"a" * 10**6, 2**4000, np.zeros((99, 99)), [["x" * 10**4] * 99] * 9, dict.fromkeys(range(10**4)),
], ids=lambda value: type(value).__name__)  # fmt: skip
def test_a_value_of_any_size_is_shown_in_one_short_line(value):
    assert len(short(value)) <= 120 and "\n" not in short(value)


def test_values_that_are_nested_or_shared_take_no_time_to_show():
    deep, shared = [], (1, 1)
    for _ in range(100_000):
        deep = [deep]
    for _ in range(60):
        shared = (shared, shared)
    assert short(deep) == "[[[...]]]" and short({"a": deep}) == "{'a': [[...]]}" and "..." in short(shared)


def joins(tree):
    """What the errors in a source join to a list, outside of `listed` and `shortened`."""
    for error in (node for node in ast.walk(tree) if isinstance(node, ast.Raise)):
        cut = {id(inner) for node in ast.walk(error) if isinstance(node, ast.Call) and ast.unparse(node.func) in ("listed", "shortened")
               for inner in ast.walk(node)}  # fmt: skip
        for node in ast.walk(error):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(".join") and id(node) not in cut:
                yield ast.unparse(node.args[0])


def test_no_error_message_holds_a_list_of_any_length():
    sources = {str(path.relative_to(SOURCE)): path.read_text() for path in SOURCE.rglob("*.py")}
    found = {name: list(joins(ast.parse(source))) for name, source in sources.items() if re.search(r"raise [^\n]*\.join\(", source)}
    assert sum(map(len, found.values())) > 10
    assert {name: lists for name, lists in found.items() if not all(SHORT.fullmatch(words) for words in lists)} == {}


def test_a_thousand_classes_do_not_make_a_message_of_thousands_of_characters():
    class Some:
        def __init__(self, prefix):
            self.path, self.classes = "run", tuple(f"{prefix}{i}" * 5 for i in range(1000))

    with pytest.raises(ValueError, match="its classes are a0a0a0a0a0, .* and 992 more; those of the data are b0b0b0b0b0, .*") as error:
        evaluate.check_together([Some("a")], Some("b"))
    assert len(str(error.value)) < 400
