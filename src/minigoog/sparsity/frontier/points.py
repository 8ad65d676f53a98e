"""The networks of a frontier, how accurate they are, and how long they take."""

import copy
import statistics
import time
import zlib
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from ... import kernels
from ...compile import compile as plan_of
from ...data import DataLoader
from ...loading import TrainedModel, runner
from ...nn import evaluation_mode, prune
from ...nn.pruning import density_of
from ...parallel import Communicator
from ...parallel.deal import Part, blocks
from ...tensor import Tensor, no_grad
from ..runner.demonstration import Numbers, Say
from ..speed.turns import check_answer, take_turns

BATCH = 32  # images that are tested together


class Point(NamedTuple):
    """One network of the frontier."""

    name: str
    model: TrainedModel

    @property
    def checksum(self) -> str:
        """Of its weights and their zeros: two points with one checksum are one network."""
        total = 0
        for name, array in self.model.state_dict().items():
            total = zlib.crc32(array.tobytes(), zlib.crc32(name.encode(), total))
        return f"{total:08x}"


def points(models: Sequence[TrainedModel], densities: Sequence[float], how: dict[str, Any]) -> Iterator[Point]:
    """Each network as it is, then the first one pruned in one step, without training, to each density; none twice."""
    named = [Point(model.path.parent.name if model.path.name in ("averaged.safetensors", "last.safetensors") else model.path.name, model)
             for model in models]  # fmt: skip
    known: set[str] = set()
    for density in (None, *sorted(densities, reverse=True)):
        for point in named if density is None else [_pruned(named[0], density, how)]:
            if point.checksum not in known:
                known.add(point.checksum)
                yield point


def _pruned(point: Point, density: float, how: dict[str, Any]) -> Point:
    model = copy.deepcopy(point.model)
    prune(model, density, **how)
    return Point(f"{point.name}, {density:g} in one step", model)


def accuracy(point: Point, dataset: Any, workers: int, say: Say, ranks: Communicator) -> Numbers:
    """The density and the accuracy on all test images, prepared as the network wants them. Each process computes some of the batches,
    which are the same for any number of them."""
    pixels, run, right, done = point.model.preprocess, runner(point.model), 0, 0
    own = Part(dataset, blocks(len(dataset), BATCH, ranks)[ranks.rank])
    loader = DataLoader(own, BATCH, num_workers=workers, transform=lambda image, _: pixels.normalized(pixels.middle(image)))
    for images, labels in loader:
        right += int((run(images).argmax(axis=1) == labels).sum())
        done += len(labels)
        if done % (BATCH * 64) == 0:
            say(f"{done:,} of {len(own):,} images")
    counts = ranks.gather("right answers", (right, done))
    return {"density": density_of(point.model), "accuracy": sum(n for n, _ in counts) / sum(n for _, n in counts)}


def times(found: Sequence[Point], batches: Sequence[int], rounds: int, tune: bool = False, seed: int = 0) -> Numbers:
    """{batch: {checksum: median and shortest milliseconds of a plan}}: all networks take turns, and a wrong answer is not timed.

    On one thread it is CPU time, which other programs disturb less. tune: whether a trial chooses the kernel of each pruned layer."""
    results: Numbers = {}
    for batch in batches:
        x = np.random.default_rng(seed).standard_normal((batch, *found[0].model.preprocess.input_size)).astype(np.float32)
        plans = {point.checksum: plan_of(point.model, x.shape, tune=tune) for point in found}
        for point in found:
            _check(point, plans[point.checksum](x), x)
        each = take_turns({checksum: partial(_seconds, plan, x) for checksum, plan in plans.items()}, rounds)
        results[str(batch)] = {c: {"ms": 1e3 * statistics.median(s), "shortest": 1e3 * min(s)} for c, s in each.items()}
    return results


def _seconds(plan: Any, x: Any) -> float:
    """The time of one call."""
    clock = time.process_time if kernels.get_num_threads() == 1 else time.perf_counter
    start = clock()
    plan(x)
    return clock() - start


def _check(point: Point, y: Any, x: Any) -> None:
    """WrongAnswer if the plan computes something else than the network."""
    with no_grad(), evaluation_mode(point.model):
        expected = point.model(Tensor(x))
    for ours, theirs in zip(*(each if isinstance(each, tuple) else (each,) for each in (y, expected)), strict=True):
        check_answer(point.name, ours, theirs.data.astype(np.float64), bound=1e-3)
