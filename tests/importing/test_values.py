"""Views of values against NumPy: any chain of reshapings and transpositions, from any order in memory."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from minigoog.importing.values import Slot, Value, from_memory

LENGTHS = st.lists(st.sampled_from([1, 2, 3, 4, 6]), min_size=1, max_size=4)


def seen(value: Value, memory: np.ndarray) -> np.ndarray:
    """The array as the file sees it."""
    order = [atom for axis in value.axes for atom in axis]
    return memory.reshape(value.sizes).transpose(order).reshape(value.shape)


@given(LENGTHS, st.data())
def test_a_view_is_what_numpy_makes_of_the_same_operations(lengths, data):
    shape = tuple(lengths)
    array = np.arange(math.prod(shape)).reshape(shape)
    groups = [(axis,) for axis in data.draw(st.permutations(range(len(shape))))]
    memory = array.transpose([group[0] for group in groups])
    value = from_memory(Slot(0), shape, groups)
    for _ in range(data.draw(st.integers(1, 4))):
        if data.draw(st.booleans()):
            order = data.draw(st.permutations(range(array.ndim)))
            value, array = value.transposed(order), array.transpose(order)
        else:
            target = data.draw(st.sampled_from(shapes_of(array.size)))
            viewed = value.reshaped(target)
            if viewed is None:
                continue
            value, array = viewed, array.reshape(target)
        assert np.array_equal(seen(value, memory), array) and 1 not in value.sizes
        assert value.stored == memory.shape


def shapes_of(size):
    """Shapes with so many values: factors in several orders, with axes of length 1 between them."""
    factors = [n for n in range(1, size + 1) if size % n == 0]
    return [(a, b, size // (a * b)) for a in factors for b in factors if size % (a * b) == 0] + [(size,), (1, size, 1)]


@given(LENGTHS, st.data())
def test_is_last_says_whether_the_last_axis_in_memory_is_an_axis_of_the_file(lengths, data):
    shape = tuple(lengths)
    order = data.draw(st.permutations(range(len(shape))))
    value = from_memory(Slot(0), shape, [(axis,) for axis in order])
    assert value.is_last(order[-1])
    assert not any(value.is_last(axis) for axis in order[:-1] if shape[axis] != shape[order[-1]])


def test_reshaping_with_no_images_keeps_the_images():
    value = from_memory(Slot(0), (0, 6, 2, 2), [(0,), (2,), (3,), (1,)])
    viewed = value.reshaped((0, 24))
    assert viewed is not None and viewed.shape == (0, 24)
    assert value.reshaped((0, 3, 2, 2, 2)) is not None and value.reshaped((5, 0)) is None
