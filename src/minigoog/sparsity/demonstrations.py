"""The demonstrations, in the order of the argument."""

from .accuracy import ACCURACY, PATTERN
from .allocation import ALLOCATION
from .arora import ARORA
from .blocks import BLOCKS
from .blow_up import BLOW_UP
from .break_even import BREAK_EVEN
from .cache_misses import CACHE_MISSES
from .conv_arora import CONV_ARORA
from .depth import DEPTH
from .pruned import PRUNED
from .three_ways import THREE_WAYS

IN_ORDER = (
    ARORA,  # L1
    BREAK_EVEN, PRUNED, CACHE_MISSES,  # L2
    BLOCKS,  # L3
    CONV_ARORA, THREE_WAYS, PATTERN,  # L4
    DEPTH, ALLOCATION,  # L5
    BLOW_UP, ACCURACY,  # L6
)  # fmt: skip
DEMONSTRATIONS = {demonstration.name: demonstration for demonstration in IN_ORDER}
