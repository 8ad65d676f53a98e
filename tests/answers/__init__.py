"""Answers of other libraries, stored as data, so that a comparison with PyTorch needs no PyTorch.

A question is a function in a test file, marked by `asked`, that uses the other library and returns a dictionary of arrays. The test calls
it and gets the stored answer. `make.py` asks the libraries and stores what they say, one file for each test file;
`python -m pytest -m slow tests/answers` asks them again and compares."""

from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

FOLDER = Path(__file__).parent
QUESTIONS = defaultdict(list)  # the name of a test file -> its questions
_files = {}


def asked(library, *cases):
    """Makes a question of a function. cases: the values that its one argument takes in tests; none: it has no argument."""

    def decorate(question):
        room = question.__module__.removeprefix("tests.")

        def answer(*case):
            return stored(room, question.__name__, *case)

        answer.__name__, answer.library = question.__name__, library
        answer.ask, answer.cases = question, [(case,) for case in cases] or [()]
        QUESTIONS[room].append(answer)
        return answer

    return decorate


def key(question, *case):
    """The beginning of the names of an answer's arrays in their file."""
    return "".join(f"{part}|" for part in (question, *case))


def stored(room, question, *case):
    """The stored answer to a question: its arrays by name."""
    path = FOLDER / f"{room}.npz"
    if room not in _files:
        _files[room] = dict(np.load(path)) if path.exists() else {}
    start = key(question, *case)
    found = {name.removeprefix(start): array for name, array in _files[room].items() if name.startswith(start)}
    if not found:
        pytest.fail(f"{path.name} has no answer to {question}{case}: run python -m tests.answers.make in an environment with the library")
    return found


def asked_now(room):
    """The answers that the libraries give now to all questions of a test file, as they are stored."""
    answers = {}
    for question in QUESTIONS[room]:
        for case in question.cases:
            answers |= {key(question.__name__, *case) + str(name): np.asarray(array) for name, array in question.ask(*case).items()}
    return answers
