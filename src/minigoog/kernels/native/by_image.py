"""Which calls of a plan are made image by image: those whose maps, for all images together, would leave the caches between two calls.

A thread takes an image through such a group of calls, then another (csrc/plan.c). The maps that only this group touches then exist for one
image of each thread, and each image finds them in the cache. The results are the same to the bit: a call computes each image by itself,
and its algorithm was chosen for the batch."""

import math
from collections.abc import Iterator, Sequence
from itertools import groupby

from minigoog._native import lib

from .arena import ARENA, PRIVATE, Buffer
from .machine import Machine
from .plan import Call

IMAGES_PER_THREAD = 4  # as in plan.c
LARGE = 1 << 19  # floats: more than the cache of one core
FEW_WEIGHTS = 1 << 15  # floats that every image may read again, whatever the size of its maps
KERNELS = (  # the first of their settings counts images, or pixels of all images
    lib.MG_PLACE, lib.MG_CONV2D_DIRECT, lib.MG_CONV2D_WINOGRAD, lib.MG_DEPTHWISE, lib.MG_MAX_POOL2D, lib.MG_AVG_POOL2D, lib.MG_ACTIVATION,
    lib.MG_ADD, lib.MG_COPY, lib.MG_AFFINE, lib.MG_CHANNEL_SHUFFLE, lib.MG_SPARSE_CONV2D, lib.MG_LRN,
)  # fmt: skip


def grouped(calls: Sequence[Call], n: int, m: Machine) -> list[Call]:
    """`calls` of a plan for `n` images, those that are to be made image by image with `images` = n: groups of neighbours.

    None are where the images cannot be shared evenly among the threads of `m`: a thread takes whole images."""
    found, even = list(calls), n % m.threads == 0 or n >= IMAGES_PER_THREAD * m.threads
    for suits, run in groupby(range(len(calls)), key=lambda i: n > 1 and even and _suits(calls[i], n)):
        large = [i for i in run if _maps(calls[i]) > LARGE] if suits else []
        if len(large) > 1:
            found[large[0] : large[-1] + 1] = [call._replace(images=n) for call in calls[large[0] : large[-1] + 1]]
    return found


def _suits(call: Call, n: int) -> bool:
    """Whether a call can be made for each image by itself, and reads few weights compared with its maps."""
    alike = all(m.shape[0] == n and m.buffer.size == n * m.image for m in call.maps())
    weights = sum(a.size for a in call.constants())
    return call.kernel in KERNELS and alike and weights <= max(FEW_WEIGHTS, _maps(call) // n)


def _maps(call: Call) -> int:
    return math.prod(call.x.shape) + math.prod(call.y.shape)


def groups(calls: Sequence[Call]) -> Iterator[list[int]]:
    """The numbers of the calls of each group that is made image by image."""
    for images, run in groupby(range(len(calls)), key=lambda i: calls[i].images):
        if images > 1:
            yield list(run)


def touched(calls: Sequence[Call]) -> list[list[Buffer]]:
    """The buffers that each call reads or writes. Those in the arena that only one group touches shrink to one image; the others that it
    touches are in use from its first call to its last, since every image passes through all of them."""
    found = [[m.buffer for m in call.maps()] for call in calls]
    for group in groups(calls):
        outside = {buffer for i, buffers in enumerate(found) if not group[0] <= i <= group[-1] for buffer in buffers}
        for buffer in {buffer for i in group for buffer in found[i]}:
            if buffer in outside or buffer.area != ARENA:
                found[group[0]].append(buffer)
                found[group[-1]].append(buffer)
            else:
                buffer.area, buffer.size = PRIVATE, buffer.size // calls[group[0]].images
    return found
