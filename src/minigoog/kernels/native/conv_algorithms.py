"""Which algorithm computes which convolution."""

from . import conv_direct, conv_im2col, conv_winograd

ALGORITHMS = {"im2col": conv_im2col.ALGORITHM, "direct": conv_direct.ALGORITHM, "winograd": conv_winograd.ALGORITHM}


def choose(where, name, s):
    """The algorithm `name` for a convolution of shape `s`; "auto" is "winograd" where that pays, else "direct"."""
    if name == "auto":
        return ALGORITHMS["winograd" if winograd_pays(s) else "direct"]
    if name not in ALGORITHMS:
        raise ValueError(f"{where}: `algorithm` is {name!r}, expected one of auto, {', '.join(ALGORITHMS)}")
    if not ALGORITHMS[name].supports(s):
        raise ValueError(f"{where}: `algorithm` is {name!r}, which does not support a {s.kh}x{s.kw} window with stride {s.stride}")
    return ALGORITHMS[name]


def winograd_pays(s):
    """Whether `winograd` is faster than `direct`: enough tiles to share its larger weights, enough channels to pay for its transforms.

    benchmarks/kernels.py: 1.9 to 2.9 times faster above the limits, level with `direct` at them, slower below."""
    tiles = s.n * -(-s.out_h // conv_winograd.SIDE) * -(-s.out_w // conv_winograd.SIDE)
    cin, cout = s.cin // s.groups, s.cout // s.groups
    return conv_winograd.supports(s) and tiles >= 32 and min(cin, cout) >= 16 and tiles * cin * cout >= 100_000
