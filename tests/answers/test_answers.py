"""The stored answers: all are there, few bytes, and what the libraries say if they are installed."""

import importlib

import numpy as np
import pytest

from tests.answers import FOLDER, QUESTIONS, asked_now, key
from tests.answers.make import rooms

MODULES = {  # where a library's module has another name
    "scikit-learn": "sklearn", "mean-average-precision": "mean_average_precision", "opencv-python-headless": "cv2",
}  # fmt: skip
each_room = pytest.mark.parametrize("room", rooms())


@each_room
def test_there_is_an_answer_to_every_question_and_to_nothing_else(room):
    importlib.import_module(f"tests.{room}")
    starts = tuple(key(question.__name__, *case) for question in QUESTIONS[room] for case in question.cases)
    names = set(np.load(FOLDER / f"{room}.npz").files) - {"versions"}
    assert all(any(name.startswith(start) for name in names) for start in starts) and all(name.startswith(starts) for name in names)


def test_they_are_small_and_each_file_belongs_to_a_test_file():
    files = sorted(FOLDER.glob("*.npz"))
    assert [path.stem for path in files] == sorted(rooms()) and sum(path.stat().st_size for path in files) < 300_000


@pytest.mark.slow
@each_room
@pytest.mark.filterwarnings("ignore")  # of the other libraries
def test_the_libraries_give_the_stored_answers(room):
    importlib.import_module(f"tests.{room}")
    for library in {question.library for question in QUESTIONS[room]}:
        pytest.importorskip(MODULES.get(library, library), reason=f"{library} is not installed (extra judges)")
    before, now = dict(np.load(FOLDER / f"{room}.npz")), asked_now(room)
    assert before.keys() - {"versions"} == now.keys()
    for name, array in now.items():
        if name.endswith("another each time"):
            continue
        if array.dtype.kind == "f":
            tolerance = 1e-9 if array.dtype == np.float64 else 1e-5
            assert np.allclose(before[name], array, rtol=tolerance, atol=tolerance, equal_nan=True), name
        else:
            assert np.array_equal(before[name], array), name
