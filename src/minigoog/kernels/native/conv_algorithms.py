"""Which algorithm computes which convolution."""

from functools import lru_cache

from ...checks import check_choice
from ..shapes import CONV_ALGORITHMS, ConvShape
from . import conv_depthwise, conv_direct, conv_im2col, conv_winograd
from .conv_geometry import Algorithm

SOME_IMAGES = 8  # for which "batch_invariant" chooses
ALGORITHMS = {a.name: a for a in (conv_im2col.ALGORITHM, conv_direct.ALGORITHM, conv_winograd.ALGORITHM, conv_depthwise.ALGORITHM)}


# Tiles of 4x4 outputs from which `winograd` pays: they share its transformed weights, or the sums of a weight gradient. One image of 14x14
# has 16. Where few tiles meet many weights, and in fewer tiles than that, tiles of 2x2 are used (conv_winograd.py).
ENOUGH_TILES = {"conv2d": 16, "conv2d_input": 16, "conv2d_weight": 64}


def choose(where: str, name: str, s: ConvShape) -> Algorithm:
    """The algorithm `name` for the kernel `where` on a convolution of shape `s`. "auto" is "depthwise" for channels without connections,
    "winograd" where that pays, else "direct";
    "batch_invariant" is what "auto" is for a batch of 8, so that a pixel has the same bits in a batch of any size."""
    if name in ("auto", "batch_invariant") and conv_depthwise.supports(s):
        return ALGORITHMS["depthwise"]
    if name == "auto":
        return ALGORITHMS["winograd" if winograd_pays(where, s) else "direct"]
    if name == "batch_invariant":
        side = side_in_batch(where, s)
        return conv_winograd.OF_SIDE[side] if side else ALGORITHMS["direct"]
    check_choice(where, "algorithm", name, CONV_ALGORITHMS)
    if name == "winograd" and where == "conv2d_input" and s.kh == conv_winograd.FOLDED and conv_winograd.supports(s):
        name = "direct"
    if not ALGORITHMS[name].supports(s):
        window = f"a {s.kh}x{s.kw} window with stride {s.stride}" + f" and dilation {s.dilation}" * (s.dilation != (1, 1))
        window += f" in {s.groups} groups" * (name == "depthwise")
        raise ValueError(f"{where}: `algorithm` is {name!r}, which does not support {window}")
    return ALGORITHMS[name]


def side_in_batch(where: str, s: ConvShape) -> int:
    """The side of winograd's tiles for "batch_invariant", or 0 for "direct"."""
    some = s._replace(n=SOME_IMAGES)
    return conv_winograd.side_of(some) if winograd_pays(where, some) else 0


@lru_cache(maxsize=1024)
def winograd_pays(where: str, s: ConvShape) -> bool:
    """Whether `winograd` is faster than `direct`: enough tiles, and enough channels to pay for the transforms.

    benchmarks/kernels.py: 1.3 to 2.9 times faster above the limits (5x5: 1.1 to 1.5), level with `direct` at them, slower below."""
    if s.kh == conv_winograd.FOLDED:
        return where != "conv2d_input" and conv_winograd.supports(s) and folding_pays(where, s)
    tiles, cin, cout = conv_winograd.tiles(s), s.cin // s.groups, s.cout // s.groups
    if s.kh == 5 and where == "conv2d":
        tiles = conv_winograd.tiles(s, 2)
        return conv_winograd.supports(s) and tiles >= ENOUGH_TILES[where] and min(cin, cout) >= 16 and tiles * cin * cout >= 30_000
    few = 16 if s.kh == 3 else _few_of_5x5(where, s)
    return conv_winograd.supports(s) and tiles >= ENOUGH_TILES[where] and min(cin, cout) >= few and tiles * cin * cout >= 100_000


def _few_of_5x5(where: str, s: ConvShape) -> int:
    """The fewest channels of a 5x5 window whose gradient `winograd` computes faster.

    Weights of 16 channels: with AVX-512 28x28 takes 0.95 times as long, 14x14 0.82, but 7x7, whose tiles cover 8x8, 1.2 times. Of 12
    channels the input gradient takes 0.91 (AVX2) and 0.75 times, that of the weights 1.19 and 0.93."""
    if where == "conv2d_input":
        return 12
    is_covered = 4 * conv_winograd.tiles(s, 2) <= 1.2 * s.n * s.out_h * s.out_w
    return 16 if is_covered else 24


def folding_pays(where: str, s: ConvShape) -> bool:
    """The same for a 7x7 window of stride 2."""
    return conv_winograd.tiles(s, 3) >= ENOUGH_TILES[where] and s.cout // s.groups >= 16
