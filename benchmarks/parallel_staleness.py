"""Loss and accuracy by how late gradients are, deterministically, in one process: python benchmarks/parallel_staleness.py NETWORK...

NETWORK: perceptron (784-128-10, MNIST), tiny (TinyInception, digits), small (SmallInception, Fashion-MNIST at half its size).
Every gradient is exactly so many updates old, as with --staleness. Printed is, for each optimizer and staleness, the mean loss over the
last steps / the accuracy on test images in %, the mean over --seeds; "fails": a loss that is not finite, or under twice as many right
answers as by chance. --spread: also how far the seeds are apart. A run that has learned nothing in half of its steps is ended."""

import argparse
import json
import math
import os
import time
from collections.abc import Callable
from pathlib import Path
from statistics import mean
from typing import Any, NamedTuple

import numpy as np

import minigoog as mg
from minigoog import data, losses, models, nn, ops, optim, short_training
from minigoog.array_types import Array, IntArray
from minigoog.cli import output_file
from minigoog.files import atomic_write
from minigoog.optim import Optimizer
from minigoog.train.stale import Stale

LATE = (0, 1, 3, 7, 15, 31)
FAILS = 0.2  # accuracy
NOTHING = 0.98 * math.log(10)  # the loss of a network that has learned nothing
DATA = Path(os.environ.get("MINIGOOG_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
New = Callable[[Any], Optimizer]


class Perceptron(nn.Module):
    """784-128-10."""

    def __init__(self) -> None:
        self.hidden, self.out = nn.Linear(784, 128), nn.Linear(128, 10)

    def forward(self, x: mg.Tensor) -> mg.Tensor:
        y: mg.Tensor = self.out(ops.relu(self.hidden(ops.flatten(x))))
        return y


class Study(NamedTuple):
    """What is trained: a network on `images` of a data set, in `steps` of `batch` images; losses count over the `last` steps."""

    build: Callable[[], nn.Module]
    dataset: str
    half: bool  # the height and width of images
    images: int
    batch: int
    steps: int
    last: int
    tested: int
    ways: dict[str, New]


def sgd(rate: float, momentum: float = 0.0) -> New:
    """SGD with these settings."""
    return lambda parameters: optim.SGD(parameters, rate, momentum)


def adagrad(rate: float) -> New:
    """Adagrad with this rate."""
    return lambda parameters: optim.Adagrad(parameters, rate)


STUDIES = {
    "perceptron": Study(Perceptron, "mnist", False, 20_000, 32, 2500, 200, 10_000, {
        "momentum 0, rate .1": sgd(0.1), "momentum 0, rate .5": sgd(0.5), "momentum .9, rate .01": sgd(0.01, 0.9),
        "momentum .9, rate .05": sgd(0.05, 0.9), "Adagrad, rate .02": adagrad(0.02)}),
    "tiny": Study(lambda: models.build("tiny", num_classes=10), "digits", False, 1442, 16, 300, 50, 355, {
        "momentum 0, rate .1": sgd(0.1), "momentum .9, rate .01": sgd(0.01, 0.9), "Adagrad, rate .003": adagrad(0.003)}),
    "small": Study(lambda: models.build("small", num_classes=10, in_channels=1), "fashion-mnist", True, 10_000, 16, 200, 50, 1000, {
        "momentum 0, rate .1": sgd(0.1), "momentum .9, rate .01": sgd(0.01, 0.9), "Adagrad, rate .003": adagrad(0.003)}),
}  # fmt: skip


class Trial:
    """A study with its images in memory."""

    def __init__(self, study: Study, folder: Path) -> None:
        self.study = study
        self.images, self.labels = self._images("train", study.images, folder)
        self.test = self._images("test", study.tested, folder)

    def _images(self, split: str, n: int, folder: Path) -> tuple[Array, IntArray]:
        """The first `n` images, from 0 to 1, and their labels."""
        found = data.open_dataset(self.study.dataset, split, folder)
        x = np.stack([np.asarray(found[i][0], np.float32) / 255 for i in range(min(n, len(found)))])
        if self.study.half:
            n, h, w, c = x.shape
            x = np.ascontiguousarray(x.reshape(n, h // 2, 2, w // 2, 2, c).mean(axis=(2, 4), dtype=np.float32))
        return x, np.asarray(found.labels[: len(x)])

    def run(self, new: New, late: int, seed: int) -> tuple[float, float]:
        """(loss, accuracy) after a training whose gradients are `late` updates late; no accuracy (0) for one that has failed."""
        mg.manual_seed(seed)
        study, model, draw, found = self.study, self.study.build().train(), np.random.default_rng(seed), list[float]()
        optimizer, stale = new(model.parameters()), Stale(model.parameters(), late)
        for step in range(study.steps):
            rows = draw.integers(0, len(self.images), study.batch)
            loss = losses.cross_entropy(model(mg.Tensor(self.images[rows])), self.labels[rows])
            found.append(loss.item())
            if not math.isfinite(found[-1]) or (step == study.steps // 2 and mean(found[-study.last :]) > NOTHING):
                return math.inf, 0.0
            optimizer.zero_grad()
            loss.backward()
            if stale.exchange(step):
                optimizer.step()
        return mean(found[-study.last :]), short_training.accuracy(model, *self.test)


def cell(runs: list[tuple[float, float]], spread: bool) -> str:
    """A cell of the table: runs of some seeds."""
    losses_, accuracies = zip(*runs, strict=True)
    if not math.isfinite(mean(losses_)) or mean(accuracies) < FAILS:
        return "fails"
    found = f"{mean(losses_):.3f} / {100 * mean(accuracies):.1f}"
    apart = f" ({min(losses_):.3f} to {max(losses_):.3f} / {100 * min(accuracies):.1f} to {100 * max(accuracies):.1f})"
    return found + apart if spread else found


def parse() -> argparse.Namespace:
    """The flags."""
    p = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    p.add_argument("networks", nargs="+", choices=list(STUDIES), metavar="NETWORK")
    p.add_argument("--way", default="", metavar="TEXT", help="only optimizers with this in their name")
    p.add_argument("--late", nargs="+", type=int, default=LATE, metavar="T", help="default: 0 1 3 7 15 31")
    p.add_argument("--steps", type=int, metavar="N", help="fewer, for a trial")
    p.add_argument("--seeds", type=int, default=1)
    p.add_argument("--spread", action="store_true")
    p.add_argument("--data-dir", type=Path, default=DATA)
    p.add_argument("--json", type=output_file, metavar="FILE")
    return p.parse_args()


def main() -> None:
    flags, rows = parse(), []
    mg.set_num_threads(1)
    for name in flags.networks:
        study, began = STUDIES[name], time.process_time()
        trial = Trial(study._replace(steps=flags.steps or study.steps), flags.data_dir)
        print(f"\n| {name}, staleness | " + " | ".join(map(str, flags.late)) + " |\n|" + "---|" * (len(flags.late) + 1), flush=True)
        for way, new in ((way, new) for way, new in study.ways.items() if flags.way in way):
            print(f"| {way} |", end="", flush=True)
            for late in flags.late:
                runs = [trial.run(new, late, seed) for seed in range(flags.seeds)]
                rows.append({"network": name, "way": way, "staleness": late, "runs": runs})
                print(f" {cell(runs, flags.spread)} |", end="", flush=True)
            print()
        print(f"\n{trial.study.steps} steps of {study.batch} images, {flags.seeds} seeds; {time.process_time() - began:.0f} s of CPU time")
    if flags.json:
        with atomic_write(flags.json) as file:
            file.write(json.dumps(rows, indent=1).encode() + b"\n")


if __name__ == "__main__":
    main()
