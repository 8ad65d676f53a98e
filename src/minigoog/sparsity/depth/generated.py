"""From clusters to a topology: how many filters of each size a module gets, and the network of such modules."""

from collections.abc import Sequence
from typing import NamedTuple

from ... import nn
from ...nn.inception import conv_relu
from ..accuracy.networks import Task
from ..clusters.translated import SIZES
from ..runner.demonstration import Rows
from .plain_stack import POOL, plan_for

# Shares of a module's channels: at least for each size; for the pool, as in inception3a. The smallest reduction, in channels.
LEAST_SHARE, POOL_SHARE, LEAST_REDUCED = 0.05, 1 / 8, 8


class Allocation(NamedTuple):
    """One module: the shares of 1x1, 3x3 and 5x5 filters (they sum to 1), and the shares of its input channels that reductions keep."""

    filters: tuple[float, ...]
    reduce3: float
    reduce5: float


UNIFORM = Allocation((1 / 3, 1 / 3, 1 / 3), 1 / 2, 1 / 2)
TABLE_1 = Allocation((64 / 224, 128 / 224, 32 / 224), 96 / 192, 16 / 192)  # inception3a


def allocate(clusters: Rows, channels: int) -> Allocation:
    """The Allocation for a module whose input has these clusters ({"extent", "units", "channels"}) in `channels` channels.

    A size gets filters in proportion to the units of the clusters of that extent; its reduction keeps as many channels as those
    clusters have together. Every size gets some filters, and every reduction some channels."""
    units = [sum(cluster["units"] for cluster in clusters if cluster["extent"] == size) for size in SIZES]
    weights = [max(n / max(sum(units), 1), LEAST_SHARE) for n in units]
    covered = [len({c for cluster in clusters if cluster["extent"] == size for c in cluster["channels"]}) / channels for size in SIZES[1:]]
    return Allocation(tuple(weight / sum(weights) for weight in weights), *covered)


def mean_allocation(allocations: Sequence[Allocation]) -> Allocation:
    """The mean of the allocations that several networks give to one module."""
    n = len(allocations)
    filters = tuple(sum(a.filters[k] for a in allocations) / n for k in range(3))
    return Allocation(filters, sum(a.reduce3 for a in allocations) / n, sum(a.reduce5 for a in allocations) / n)


def module_widths(allocation: Allocation, cin: int, cout: float) -> tuple[int, int, int, int, int, int]:
    """(1x1, 3x3 reduced, 3x3, 5x5 reduced, 5x5, pool): the arguments of an Inception module of about `cout` channels."""
    pool = max(1, round(POOL_SHARE * cout))
    n1, n3, n5 = (max(1, round(share * (cout - pool))) for share in allocation.filters)
    return n1, reduction(allocation.reduce3, 3, cin, n3), n3, reduction(allocation.reduce5, 5, cin, n5), n5, pool


def reduction(share: float, k: int, cin: int, n: int) -> int:
    """Channels before a k x k convolution from `cin` to `n`: that share of them, or fewer where that costs more than it saves."""
    pays = k * k * cin * n / (cin + k * k * n)
    return max(1, min(max(round(share * cin), LEAST_REDUCED), int(pays), cin))


def generated(allocations: Sequence[Allocation], width: float, task: Task, norm: bool = True) -> nn.Module:
    """A plain stack whose convolutions, all but the first, are Inception modules of these allocations, with `width` times its channels."""
    plan, conv = plan_for(task.size), conv_relu(norm=norm)
    layers, cin, modules = {"conv0": conv(task.channels, plan[0], 3, padding=1)}, plan[0], iter(allocations)
    for i, channels in enumerate(plan[1:], start=1):
        if channels == POOL:
            layers[f"pool{i}"] = nn.MaxPool2d(3, stride=2, padding=1)
        else:
            layers[f"inception{i}"] = nn.Inception(cin, *module_widths(next(modules), cin, width * channels), norm=norm)
            cin = layers[f"inception{i}"].out_channels
    return nn.Sequential(**layers, mean=nn.GlobalAvgPool2d(), classifier=nn.Linear(cin, task.classes))
