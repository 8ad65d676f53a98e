"""The weight gradient of one image: its window positions are cut into ranges for the threads, however many there are."""

import numpy as np
import pytest

from minigoog.kernels import reference
from tests.kernels.judge import assert_sums_close, same_bits

SIDE, COUT = 32, 40  # products enough for several threads, and more than one panel for some instruction sets


@pytest.mark.parametrize("taps", [1, 3])
def test_positions_that_do_not_divide_among_the_threads(isa, native, threads, taps):
    rng = np.random.default_rng(taps)
    for cin in (1, 13, 29, 57, 64, 71, 85, 129):
        x, dy = (rng.standard_normal((1, SIDE, SIDE, c)).astype(np.float32) for c in (cin, COUT))
        found = []
        for n in (1, 2, 3, 5, 16):
            threads(n)
            found.append(native.conv2d_weight(x, (taps, taps, cin, COUT), dy, padding=taps // 2, algorithm="direct"))
        assert all(same_bits(found[0], dw) for dw in found)
        exact, magnitude = (
            reference.conv2d_weight(a.astype(np.float64), (taps, taps, cin, COUT), b.astype(np.float64), padding=taps // 2)
            for a, b in ((x, dy), (np.abs(x), np.abs(dy)))
        )
        assert_sums_close(found[0], exact, magnitude, SIDE * SIDE)
