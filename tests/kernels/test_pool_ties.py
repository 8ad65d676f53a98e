"""Which of equal values max pooling takes, where windows share their columns."""

import numpy as np
import pytest

from minigoog.kernels import native, reference


@pytest.mark.parametrize("shape", [(2, 11, 8, 70), (1, 1, 5, 33), (3, 6, 3, 16), (1, 9, 12, 7)], ids=str)
@pytest.mark.parametrize("padding, stride", [(0, 1), (1, 1), (0, 2), (1, 2)])
def test_of_equal_values_in_windows_that_share_columns_the_first_wins(isa, shape, padding, stride):
    """Row by row: a column's first maximum may be below that of the next column. Also beside a NaN, for which a row is computed anew."""
    rng, settings = np.random.default_rng(0), {"stride": stride, "padding": padding, "ceil_mode": True}
    size = (min(3, shape[1] + padding), 3)
    for share in (0, 0.002):
        x = np.where(rng.random(shape) < share, np.nan, rng.integers(0, 3, shape)).astype(np.float32)
        y, index = native.max_pool2d(x, size, **settings)
        y64, index64 = reference.max_pool2d(x.astype(np.float64), size, **settings)
        assert np.array_equal(y, y64, equal_nan=True) and np.array_equal(index, index64)
