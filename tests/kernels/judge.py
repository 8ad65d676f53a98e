"""How far a float32 result may be from the float64 reference, and why."""

import random

import numpy as np

U = 2.0**-24  # half a unit in the last place of float32: the largest relative error of one rounding
SMALLEST = 2.0**-149  # the smallest float32 above 0, for results so small that they are not rounded relatively


def assert_sums_close(got, exact, magnitude, terms, extra=0.0):
    """Asserts |got - exact| <= (4 + 2 sqrt(terms)) u magnitude (+ extra), magnitude = the same sum taken over absolute values.

    A float32 sum of K products rounds K times (2 K times without fused multiply-adds), each time by at most u times a partial sum,
    and no partial sum exceeds S = sum |a| |w|. If all errors had one sign they would add up to K u S. They have either sign and grow
    like a random walk, to lambda sqrt(K) u S, exceeded with a probability of at most 2 exp(-lambda^2 / 2) (Higham and Mary 2019, "A
    new approach to probabilistic rounding error analysis", theorem 2.4). Here lambda = 2, and since the partial sums of random data
    are several times smaller than S, nothing random comes near it, while an error of one term (S / K, thousands of u) does not fit
    in. 4 u S pays for the bias, a scale, and sums too short for a walk: with K < 9, 4 + 2 sqrt(K) > K + 1 is the worst case.
    Sums in blocks (BLAS, weight gradients) are walks of fewer steps: the same bound holds with K = all terms."""
    bound = (4 + 2 * np.sqrt(terms)) * U * magnitude + extra + terms * SMALLEST
    assert got.dtype == np.float32 and got.shape == exact.shape, (got.dtype, got.shape, exact.shape)
    error = np.abs(got - exact)
    outside = np.argwhere(~(error <= bound))
    assert not len(outside), f"error is {np.max(error / np.maximum(bound, SMALLEST)):.3g} times the bound at {outside[:3].tolist()}"


def same_bits(a, b):
    """Whether two arrays are equal bit for bit, NaN and the sign of zero included."""
    return a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes()


class unchanged:
    """Within a with-block, none of these arrays may change, nor what they are slices of."""

    def __init__(self, *arrays):
        self.arrays = [a if a.base is None else a.base for a in arrays if a is not None]

    def __enter__(self):
        self.before = [np.array(a).tobytes() for a in self.arrays]

    def __exit__(self, kind, *error):
        if kind is None:
            assert all(np.array(a).tobytes() == before for a, before in zip(self.arrays, self.before, strict=True)), "an input was modified"


def absolute(a):
    """|a| in float64."""
    return None if a is None else np.abs(a.astype(np.float64))


def changing(native):
    """A machine.current() that gives another number of threads and instruction set at every look."""
    r, isas = random.Random(0), native.machine.available_isas()
    machines = [native.machine._new(native.machine.ISAS.index(isa), n) for isa in isas for n in (1, 2, 5, 16)]
    return lambda: r.choice(machines)
