"""How well networks of different make do at equal budgets: what is trained, on what, and how often."""

import statistics
from functools import cached_property, partial
from typing import NamedTuple

import numpy as np

from ... import rng
from ...short_training import accuracy, learn
from ..runner.parts import work_through
from .budget import multiply_adds, timed, width_for, widths_for_equal_time
from .networks import NETWORKS, Task
from .pictures import Pictures, pictures

REFERENCE = "reduced"  # its milliseconds at the budget of multiply-adds are the other budget
AXES = ("multiply-adds", "milliseconds")
LOOKED_AT = 2000  # training images, as they are, for the training accuracy


class Plan(NamedTuple):
    """How much is done. `rates`: learning rates to choose from on the hold-out, by training on `tuned_on` images; one: no choice."""

    million_multiply_adds: float
    train: int
    hold_out: int
    test: int
    epochs: int
    rates: tuple
    tuned_on: int
    seeds: int


PLANS = {  # of (photographs?, quick?)
    (True, False): Plan(5.0, 15_000, 2_000, 10_000, 5, (0.03, 0.1, 0.3), 3_750, 3),
    (True, True): Plan(2.0, 500, 0, 400, 2, (0.1,), 0, 2),
    (False, False): Plan(1.0, 1_200, 242, 355, 20, (0.03, 0.1, 0.3), 1_200, 3),
    (False, True): Plan(1.0, 800, 0, 355, 2, (0.1,), 0, 2),
}


class Experiment:
    """The comparison in the folder of `setting`; `numbers()` does what is not there yet."""

    def __init__(self, setting):
        self.setting, self.plan = setting, PLANS[setting.images is not None, setting.quick]

    @cached_property
    def data(self):
        """(training, hold-out, test): Pictures. One in so many training images is held out."""
        plan = self.plan
        everything, test = pictures(self.setting.images, plan.train + plan.hold_out, plan.test)
        step = (plan.train + plan.hold_out) // plan.hold_out if plan.hold_out else len(everything) + 1
        held = np.arange(len(everything)) % step == step - 1
        train, hold_out = (Pictures(*(array[part] for array in everything)) for part in (~held, held))
        return train, hold_out, test

    @cached_property
    def task(self):
        """What the networks are for."""
        train = self.data[0]
        return Task(train.images.shape[1], train.images.shape[3], int(train.labels.max()) + 1)

    def numbers(self):
        """All results, as JSON can hold them."""
        sizes = self.work({"sizes": self.sizes})["sizes"]
        tuning = self.tuning(sizes)
        rates = {name: max(tried, key=tried.get, default=self.plan.rates[0]) for name, tried in tuning.items()}
        runs = {key: partial(self.train, *rest, rates[rest[0]]) for key, rest in self.runs(sizes).items()}
        trained = self.work(runs)
        rows = [self.row(size, rates[size["network"]], trained) for size in sizes["networks"]]
        return {"plan": self.plan._asdict(), "reference": REFERENCE, "tuning": tuning, "networks": rows}

    def tuning(self, sizes):
        """{network: {learning rate: accuracy on the hold-out}}; no rates where there is no choice."""
        rates = self.plan.rates if len(self.plan.rates) > 1 else ()
        names = {(name, rate): f"tune-{_slug(name)}-{rate:g}" for name in NETWORKS for rate in rates}
        found = self.work({part: partial(self.tune, name, sizes, rate) for (name, rate), part in names.items()})
        return {name: {rate: found[names[name, rate]]["accuracy"] for rate in rates} for name in NETWORKS}

    def work(self, parts):
        """The numbers of these parts."""
        return work_through(self.setting, parts)

    def sizes(self):
        """The width of each network for each budget, with what it costs. No other part runs here at the same time."""
        budget, task = self.plan.million_multiply_adds * 1e6, self.task
        self.setting.say("measuring how wide each network may be; nothing else should run now")
        equal_work = {name: width_for(build, budget, task) for name, build in NETWORKS.items()}
        equal_time = widths_for_equal_time(NETWORKS, equal_work, REFERENCE, task)
        widths = {(name, axis): found[name] for axis, found in zip(AXES, (equal_work, equal_time), strict=True) for name in NETWORKS}
        ms = timed({key: (NETWORKS[key[0]], width) for key, width in widths.items()}, task)
        return {"networks": [{"network": key[0], "axis": key[1], "width": width, "ms": ms[key]} | self.cost(key[0], width)
                             for key, width in widths.items()]}

    def cost(self, name, width):
        """Multiply-adds and parameters; of sparse weights, those that are there."""
        model = self.network(name, width, 0)
        return {"multiply_adds": multiply_adds(model, self.task.shape), "parameters": sum(p.size for p in model.parameters())}

    def network(self, name, width, seed):
        """The network with its first weights (and mask) of this seed."""
        rng.manual_seed(1000 * self.setting.seed + seed)
        return NETWORKS[name](width, self.task)

    def tune(self, name, sizes, rate):
        """The hold-out accuracy of a network at the budget of multiply-adds with this learning rate."""
        train, hold_out, _ = self.data
        width = next(size["width"] for size in sizes["networks"] if (size["network"], size["axis"]) == (name, AXES[0]))
        some = slice(None, None, max(1, len(train) // self.plan.tuned_on))
        seed = 999  # none of the comparison's
        model = self.network(name, width, seed)
        return {"accuracy": self.learned(model, Pictures(*(array[some] for array in train)), rate, seed) and accuracy(model, *hold_out)}

    def runs(self, sizes):
        """{name of a part: (network, width, seed)} of the comparison. The same network is not trained twice for two budgets."""
        return {_run(size, seed): (size["network"], size["width"], seed) for size in sizes["networks"] for seed in range(self.plan.seeds)}

    def train(self, name, width, seed, rate):
        """Accuracies of one run."""
        train, _, test = self.data
        model = self.network(name, width, seed)
        some = slice(None, None, max(1, len(train) // LOOKED_AT))
        learned = self.learned(model, train, rate, 1000 * self.setting.seed + seed)
        looked_at = {"accuracy": test, "train_accuracy": Pictures(*(array[some] for array in train))}
        return {kind: learned and accuracy(model, *images) for kind, images in looked_at.items()}

    def learned(self, model, train, rate, seed):
        """1.0 after training, 0.0 if it diverged: the accuracy is then that."""
        try:
            learn(model, *train, epochs=self.plan.epochs, lr=rate, seed=seed)
        except FloatingPointError:
            return 0.0
        return 1.0

    def row(self, size, rate, trained):
        """What became of one network at one budget."""
        runs = [trained[_run(size, seed)] for seed in range(self.plan.seeds)]
        each = {kind: [run[kind] for run in runs] for kind in ("accuracy", "train_accuracy")}
        spread = {"mean": statistics.mean(each["accuracy"]), "deviation": statistics.stdev(each["accuracy"])}
        return size | {"rate": rate} | each | spread | {"train_mean": statistics.mean(each["train_accuracy"])}


def _slug(name):
    return name.replace(" ", "-")


def _run(size, seed):
    """The name of a part."""
    return f"train-{_slug(size['network'])}-{size['width']:.4f}-seed{seed}"
