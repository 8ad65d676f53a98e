"""The demonstrations, in the order of the argument."""

from .accuracy.demonstration import ACCURACY, PATTERN
from .clusters.demonstration import CONV_ARORA
from .construction.demonstration import ARORA
from .depth.allocation import ALLOCATION
from .depth.demonstration import DEPTH
from .depth.supports import SUPPORTS
from .inception.blow_up import BLOW_UP
from .inception.three_ways import THREE_WAYS
from .speed.blocks import BLOCKS
from .speed.break_even import BREAK_EVEN
from .speed.cache_misses import CACHE_MISSES
from .speed.pruned import PRUNED

IN_ORDER = (
    ARORA,  # L1
    BREAK_EVEN, PRUNED, CACHE_MISSES,  # L2
    BLOCKS,  # L3
    CONV_ARORA, THREE_WAYS, PATTERN,  # L4
    DEPTH, SUPPORTS, ALLOCATION,  # L5
    BLOW_UP, ACCURACY,  # L6
)  # fmt: skip
DEMONSTRATIONS = {demonstration.name: demonstration for demonstration in IN_ORDER}
