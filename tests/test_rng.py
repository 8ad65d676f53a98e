"""Seeds: the same one gives the same numbers everywhere."""

import threading

import numpy as np
import pytest

import minigoog as mg
from minigoog import rng
from minigoog.nn import init


def test_the_same_seed_gives_the_same_numbers_and_counters():
    def draw():
        mg.manual_seed(7)
        return rng.generator().standard_normal(3).tolist(), [rng.take(n) for n in (1, 4, 5, 0, 3)]

    assert draw() == draw()
    assert draw()[1] == [(7, 0), (7, 4), (7, 8), (7, 16), (7, 16)]  # whole blocks of 4, so that no two calls share one


def test_the_largest_seed_is_taken_and_gives_a_working_dropout():
    mg.manual_seed(2**64 - 1)
    y = mg.ops.dropout(mg.Tensor(np.ones((10, 100), np.float32)), 0.5)
    assert 300 < (y.data > 0).sum() < 700


@pytest.mark.parametrize("seed, message", [(-1, "`seed` is -1, expected at least 0"), (2**64, "expected at most"), (1.0, "`seed` is 1.0"),
                                           (True, "`seed` is True"), (None, "`seed` is None"), ("1", "`seed` is '1'")])
def test_a_seed_that_is_no_number_from_0_to_2_to_the_64_is_refused(seed, message):
    with pytest.raises((TypeError, ValueError), match=f"manual_seed: .*{message}"):
        mg.manual_seed(seed)


def test_a_refused_seed_changes_nothing():
    mg.manual_seed(3)
    with pytest.raises(ValueError):
        mg.manual_seed(-1)
    assert rng.take(4) == (3, 0)


def test_where_zeros_are_asked_for_weights_are_zeros_in_this_thread_and_limited():
    drawn = []
    with rng.zeros(6):
        assert (init.he_normal((2, 3)) == 0).all()
        thread = threading.Thread(target=lambda: drawn.append(init.he_normal((2, 3))))
        thread.start()
        thread.join()
        with pytest.raises(ValueError, match=r"weights of shape \(1, 1\) are more than its file has"):
            init.caffe_xavier((1, 1))
    assert (drawn[0] != 0).all() and (init.he_normal((2, 3)) != 0).all()


@pytest.mark.parametrize("changes, message", [
    (None, "`state` has no `seed`"), ({"seed": -1}, "`seed` is -1, expected at least 0"),
    ({"generator": {}}, "`generator` is {}, expected the state of NumPy's PCG64"), ({"generator": 3}, "`generator` is 3, expected"),
])  # fmt: skip
def test_a_state_that_is_none_is_refused_by_what_is_wrong_and_changes_nothing(changes, message):
    mg.manual_seed(3)
    with pytest.raises((TypeError, ValueError), match=f"set_state: {message}"):
        rng.set_state({} if changes is None else rng.state() | changes)
    assert rng.take(4) == (3, 0)
