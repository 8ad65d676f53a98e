"""Which algorithm computes which convolution."""

from . import conv_direct, conv_im2col

ALGORITHMS = {"im2col": conv_im2col.ALGORITHM, "direct": conv_direct.ALGORITHM}


def choose(where, name, s):
    """The algorithm `name` for a convolution of shape `s`; "auto" is "direct".

    benchmarks/bench_conv.py: `direct` is faster than `im2col` on every layer of GoogLeNet and its bits do not depend on threads."""
    if name == "auto":
        return ALGORITHMS["direct"]
    if name not in ALGORITHMS:
        raise ValueError(f"{where}: `algorithm` is {name!r}, expected one of auto, {', '.join(ALGORITHMS)}")
    return ALGORITHMS[name]
