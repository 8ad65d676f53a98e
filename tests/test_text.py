"""Numbers, names and tables as text."""

import os
import shutil
import subprocess

import numpy as np
import pytest

from minigoog import text
from minigoog.text import duration, human_bytes


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
