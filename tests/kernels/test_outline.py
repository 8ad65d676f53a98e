"""The kernels that compute nothing give results of the right shape, and compute what does not depend on unknown arrays."""

import numpy as np
import pytest

from minigoog import kernels
from minigoog.kernels import outline
from tests.kernels.records import RECORDS


@pytest.mark.parametrize("name", sorted(outline.SHAPES))
def test_the_shape_is_that_of_the_result(name):
    for call in RECORDS[name].calls:
        array, *others = [key for key, value in call.items() if isinstance(value, np.ndarray)]
        keyword = {key: call[key] for key in call.keys() - {array, *others}}
        settings = list(keyword.values()) if name not in ("conv2d", "linear", "avg_pool2d", "max_pool2d") else []
        keyword = {} if settings else keyword
        size = [keyword.pop("kernel_size")] if "kernel_size" in keyword else []
        expected = getattr(kernels, name)(*(call[key] for key in (array, *others)), *size, *settings, **keyword)
        with kernels.outlining():
            y = getattr(kernels, name)(outline.unknown(call[array].shape), *(call[key] for key in others), *size, *settings, **keyword)
            known = getattr(kernels, name)(*(call[key] for key in (array, *others)), *size, *settings, **keyword)
        first = [a[0] if isinstance(a, tuple) else a for a in (y, expected, known)]
        assert first[0].shape == first[1].shape and np.array_equal(first[1], first[2])
