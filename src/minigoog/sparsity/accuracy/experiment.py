"""Trains different networks at equal budgets: which networks, on which data, and from how many seeds."""

import statistics
from collections.abc import Collection, Sequence
from functools import cached_property, partial
from typing import NamedTuple

import numpy as np

from ... import rng
from ...nn import Module
from ...short_training import accuracy, learn
from ..runner.demonstration import Numbers, Setting
from ..runner.parts import Compute, work_through
from .budget import cost_of, equal_in_time, width_for
from .networks import NETWORKS, Task
from .pictures import Pictures, pictures

REFERENCE = "reduced"  # its milliseconds at the budget of multiply-adds are the other budget
AXES = ("multiply-adds", "milliseconds")
LOOKED_AT = 2000  # training images, not augmented, for the training accuracy


class Plan(NamedTuple):
    """The size of the experiment. `rates`: learning rates to choose from on the hold-out, by training on `tuned_on` images."""

    million_multiply_adds: float
    train: int
    hold_out: int
    test: int
    epochs: int
    rates: tuple[float, ...]
    tuned_on: int
    seeds: int


PLANS = {  # key: (photographs?, quick?)
    (True, False): Plan(5.0, 15_000, 2_000, 10_000, 5, (0.03, 0.1, 0.3), 3_750, 3),
    (True, True): Plan(2.0, 500, 0, 400, 2, (0.1,), 0, 2),
    (False, False): Plan(1.0, 1_200, 242, 355, 20, (0.03, 0.1, 0.3), 1_200, 3),
    (False, True): Plan(1.0, 800, 0, 355, 2, (0.1,), 0, 2),
}


class Experiment:
    """The comparison of these networks in the folder of `setting`; `numbers()` computes what is missing."""

    def __init__(self, setting: Setting, names: Collection[str] = NETWORKS):
        self.names, plan = names, PLANS[setting.images is not None, setting.quick]
        self.setting, self.plan = setting, plan._replace(seeds=setting.seeds or plan.seeds)

    @cached_property
    def data(self) -> tuple[Pictures, Pictures, Pictures]:
        """(training, hold-out, test): Pictures. Every n-th training image is held out."""
        plan = self.plan
        everything, test = pictures(self.setting.images, plan.train + plan.hold_out, plan.test)
        step = (plan.train + plan.hold_out) // plan.hold_out if plan.hold_out else len(everything) + 1
        held = np.arange(len(everything)) % step == step - 1
        return everything.part(~held), everything.part(held), test

    @cached_property
    def task(self) -> Task:
        """The task of the networks."""
        return Task.of(self.data[0])

    def numbers(self) -> Numbers:
        """All results, as JSON can hold them."""
        sizes = self.work({"sizes": self.sizes})["sizes"]
        reference = next(size["ms"] for size in sizes["networks"] if (size["network"], size["axis"]) == (REFERENCE, AXES[0]))
        sizes = {"networks": [size for size in sizes["networks"] if size["network"] in self.names]}
        tuning = self.tuning(sizes)
        rates = {name: max(tried, key=tried.__getitem__, default=self.plan.rates[0]) for name, tried in tuning.items()}
        runs: dict[str, Compute] = {key: partial(self.train, *run, rates[run[0]]) for key, run in self.runs(sizes).items()}
        trained = self.work(runs)
        rows = [self.row(size, rates[size["network"]], trained) for size in sizes["networks"]]
        return {"plan": self.plan._asdict(), "ms": reference, "tuning": tuning, "networks": rows}

    def tuning(self, sizes: Numbers) -> dict[str, dict[float, float]]:
        """{network: {learning rate: accuracy on the hold-out}}; empty if there is no choice."""
        rates = self.plan.rates if len(self.plan.rates) > 1 else ()
        names = {(name, rate): f"tune-{_slug(name)}-{rate:g}" for name in self.names for rate in rates}
        found = self.work({part: partial(self.tune, name, sizes, rate) for (name, rate), part in names.items()})
        return {name: {rate: found[names[name, rate]]["accuracy"] for rate in rates} for name in self.names}

    def work(self, parts: dict[str, Compute]) -> dict[str, Numbers]:
        """The numbers of these parts."""
        return work_through(self.setting, parts)

    def sizes(self) -> Numbers:
        """The width of every network for each budget, with its costs. All are timed in turns, and no other part meanwhile."""
        budget, task = self.plan.million_multiply_adds * 1e6, self.task
        self.setting.say("measuring how wide each network may be; other programs would disturb this")
        equal_work = {name: width_for(build, budget, task) for name, build in NETWORKS.items()}
        equal_time, ms = equal_in_time(NETWORKS, equal_work, REFERENCE, task)
        widths = {(name, axis): found[name] for axis, found in zip(AXES, (equal_work, equal_time), strict=True) for name in NETWORKS}
        return {"networks": [{"network": key[0], "axis": key[1], "width": width, "ms": ms[key[0], width]} | self.cost(key[0], width)
                             for key, width in widths.items()]}

    def cost(self, name: str, width: float) -> dict[str, int]:
        """Multiply-adds and parameters; for sparse weights, only those that are kept."""
        return cost_of(self.network(name, width, 0), self.task.shape)

    def network(self, name: str, width: float, seed: int) -> Module:
        """The network with its first weights (and mask) of this seed."""
        rng.manual_seed(1000 * self.setting.seed + seed)
        return NETWORKS[name](width, self.task)

    def tune(self, name: str, sizes: Numbers, rate: float) -> Numbers:
        """The hold-out accuracy of a network at the budget of multiply-adds with this learning rate."""
        train, hold_out, _ = self.data
        width = next(size["width"] for size in sizes["networks"] if (size["network"], size["axis"]) == (name, AXES[0]))
        some = slice(None, None, max(1, len(train) // self.plan.tuned_on))
        seed = 999  # not used in the comparison
        model = self.network(name, width, seed)
        learned = self.learned(model, train.part(some), rate, seed)
        return {"accuracy": accuracy(model, *hold_out) if learned else 0.0}

    def runs(self, sizes: Numbers) -> dict[str, tuple[str, float, int]]:
        """{name of a part: (network, width, seed)} of the comparison. A network that fits both budgets is trained once."""
        return {_run(size, seed): (size["network"], size["width"], seed) for size in sizes["networks"] for seed in range(self.plan.seeds)}

    def train(self, name: str, width: float, seed: int, rate: float) -> Numbers:
        """Accuracies of one run."""
        train, _, test = self.data
        model = self.network(name, width, seed)
        some = slice(None, None, max(1, len(train) // LOOKED_AT))
        learned = self.learned(model, train, rate, 1000 * self.setting.seed + seed)
        looked_at = {"accuracy": test, "train_accuracy": train.part(some)}
        return {kind: accuracy(model, *images) if learned else 0.0 for kind, images in looked_at.items()}

    def learned(self, model: Module, train: Pictures, rate: float, seed: int) -> bool:
        """Trains a network; False if it diverged, which counts as an accuracy of 0."""
        try:
            learn(model, *train, epochs=self.plan.epochs, lr=rate, seed=seed)
        except FloatingPointError:
            return False
        return True

    def row(self, size: Numbers, rate: float, trained: dict[str, Numbers]) -> Numbers:
        """The results of one network at one budget."""
        runs = [trained[_run(size, seed)] for seed in range(self.plan.seeds)]
        each = {kind: [run[kind] for run in runs] for kind in ("accuracy", "train_accuracy")}
        return size | {"rate": rate} | each | spread(each["accuracy"]) | {"train_mean": statistics.mean(each["train_accuracy"])}


def spread(accuracies: Sequence[float]) -> dict[str, float]:
    """Mean and standard deviation over the seeds."""
    return {"mean": statistics.mean(accuracies), "deviation": statistics.stdev(accuracies)}


def _slug(name: str) -> str:
    return name.replace(" ", "-")


def _run(size: Numbers, seed: int) -> str:
    """The name of a part."""
    return f"train-{_slug(size['network'])}-{size['width']:.4f}-seed{seed}"
