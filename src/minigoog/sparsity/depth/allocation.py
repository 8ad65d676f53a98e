"""The paper's own test of its principle: is a topology found from correlations better than a uniform one?"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from ... import rng
from ...short_training import accuracy, learn
from ..accuracy.budget import cost_of, width_for
from ..accuracy.demonstration import better, difference
from ..accuracy.experiment import AXES, spread
from ..accuracy.networks import Task
from ..accuracy.pictures import pictures
from ..runner.demonstration import Demonstration, Figure, Numbers, Rows, Setting, Table
from ..runner.parts import work_through
from ..runner.verdicts import CONTRADICTED, PARTLY, Verdict, combined
from .demonstration import DEPTH
from .generated import TABLE_1, UNIFORM, Allocation, allocate, generated, mean_allocation, module_widths
from .measures import CONDITIONS, METHODS

PLANS: dict[tuple[bool, bool], dict[str, Any]] = {  # key: (photographs?, quick?)
    (True, False): {"train": 8_000, "test": 5_000, "epochs": 5, "lr": 0.1, "seeds": 3, "budget": 4e6},
    (True, True): {"train": 1_000, "test": 500, "epochs": 2, "lr": 0.1, "seeds": 2, "budget": 2e6},
    (False, False): {"train": 1_442, "test": 355, "epochs": 15, "lr": 0.1, "seeds": 5, "budget": 5e5},
    (False, True): {"train": 700, "test": 355, "epochs": 3, "lr": 0.1, "seeds": 2, "budget": 2e5},
}
FOUND, REVERSED = "found", "found, layers reversed"
RIVALS = ("uniform", REVERSED)


class Comparison:
    """The networks, of equal multiply-adds, and their training."""

    def __init__(self, setting: Setting, allocations: Sequence[Allocation]):
        plan = PLANS[setting.images is not None, setting.quick]
        self.setting, self.plan = setting, plan | {"seeds": setting.seeds or plan["seeds"]}
        self.train, self.test = pictures(setting.images, self.plan["train"], self.plan["test"])
        self.task = Task.of(self.train)
        self.builds = {FOUND: partial(generated, allocations), REVERSED: partial(generated, allocations[::-1]),
                       "uniform": partial(generated, [UNIFORM] * len(allocations)),
                       "table 1": partial(generated, [TABLE_1] * len(allocations))}

    def numbers(self) -> Rows:
        """Rows for the table, one of each network."""
        sizes = self.setting.once("sizes", self.sizes)
        runs = {(name, seed): f"{name.replace(', ', '-').replace(' ', '-')}-seed{seed}"
                for seed in range(self.plan["seeds"]) for name in self.builds}
        done = work_through(self.setting, {part: partial(self.run, *key, sizes) for key, part in runs.items()})
        return [self.row(name, sizes[name], [done[runs[name, seed]] for seed in range(self.plan["seeds"])]) for name in self.builds]

    def sizes(self) -> dict[str, Numbers]:
        """{network: its width at the budget, and its costs}."""
        found = {}
        for name, build in self.builds.items():
            width = width_for(build, self.plan["budget"], self.task)
            found[name] = {"width": width} | cost_of(build(width, self.task), self.task.shape)
        return found

    def run(self, name: str, seed: int, sizes: dict[str, Numbers]) -> Numbers:
        """The accuracy of one network trained from one seed."""
        rng.manual_seed(1000 * self.setting.seed + seed)
        model = self.builds[name](sizes[name]["width"], self.task)
        learn(model, *self.train, epochs=self.plan["epochs"], lr=self.plan["lr"], seed=1000 * self.setting.seed + seed)
        return {"accuracy": accuracy(model, *self.test)}

    def row(self, name: str, size: Numbers, runs: Rows) -> Numbers:
        """The results of one network."""
        each = [run["accuracy"] for run in runs]
        return size | {"network": name, "axis": AXES[0], "accuracy": each} | spread(each)


def allocations_of(numbers: Numbers) -> list[Allocation]:
    """The mean Allocation for each module but the stem, from the clusters of the layer before it, given the numbers of `depth`."""
    networks = [network["layers"][CONDITIONS[0]] for network in numbers["networks"]]
    return [mean_allocation([allocate(row["clusters"][METHODS[0]], row["channels"]) for row in rows])
            for rows in list(zip(*networks, strict=True))[:-1]]


def measure(setting: Setting) -> Numbers:
    """{"modules": the allocation of each, "networks": rows}. The clusters are those of `depth`, in its folder."""
    setting.say("allocation: clusters of a trained network")
    allocations = allocations_of(DEPTH.measure(replace(setting, folder=setting.folder.parent / DEPTH.name)))
    modules = [{"filters": list(a.filters), "reduce3": a.reduce3, "reduce5": a.reduce5, "example": list(module_widths(a, 192, 256))}
               for a in allocations]
    return {"modules": modules, "networks": Comparison(setting, allocations).numbers()}


def judge(numbers: Numbers) -> Verdict:
    """Compares the found topology with the uniform one, and with itself reversed."""
    margins = tuple(better(numbers, FOUND, rival, AXES[0]) for rival in RIVALS)
    lost = any(better(numbers, rival, FOUND, AXES[0]).answer for rival in RIVALS)
    word = combined(margin.answer for margin in margins)
    words = []
    for rival in (*RIVALS, "table 1"):
        by, needed = (100 * x for x in difference(numbers, FOUND, rival, AXES[0]))
        words.append(f"against {rival} {by:+.1f} points (a finding from {needed:.1f})")
    why = f"The found topology, at equal multiply-adds: {'; '.join(words)}."
    return Verdict(CONTRADICTED if word == PARTLY and lost else word, why, margins)


def table(numbers: Numbers) -> Table:
    """Rows for the networks, then for the modules that were found."""
    head = ["network", "M multiply-adds", "parameters", "accuracy", "± (seeds)"]
    rows = [[row["network"], f"{row['multiply_adds'] / 1e6:.2f}", f"{row['parameters']:,}", f"{row['mean']:.2%}",
             f"{100 * row['deviation']:.2f} ({len(row['accuracy'])})"] for row in numbers["networks"]]
    for i, module in enumerate(numbers["modules"], start=1):
        shares = " / ".join(f"{share:.0%}" for share in module["filters"])
        rows.append([f"module {i}: 1x1 / 3x3 / 5x5 {shares}", "", "", f"reductions keep {module['reduce3']:.0%}, {module['reduce5']:.0%}",
                     f"192 to 256: {', '.join(map(str, module['example']))}"])
    return head, rows


def draw(numbers: Numbers, figure: Figure) -> None:
    """Shares of filters by module, and accuracy by network with each seed."""
    left, right = figure.subplots(1, 2)
    below = [0.0] * len(numbers["modules"])
    for k, size in enumerate(("1x1", "3x3", "5x5")):
        shares = [module["filters"][k] for module in numbers["modules"]]
        left.bar(range(1, len(shares) + 1), shares, bottom=below, label=size)
        below = [a + b for a, b in zip(below, shares, strict=True)]
    left.set(title="filters found", xlabel="module", ylabel="share")
    left.legend()
    for i, row in enumerate(numbers["networks"]):
        right.plot([i] * len(row["accuracy"]), row["accuracy"], "o", ms=4)
        right.plot([i - 0.2, i + 0.2], [row["mean"]] * 2, "k-")
    right.set_xticks(range(len(numbers["networks"])), [row["network"] for row in numbers["networks"]], rotation=20, fontsize=8)
    right.set(title="accuracy at equal multiply-adds")


ALLOCATION = Demonstration(
    name="allocation",
    link="L5",
    title="A topology from clusters against a uniform one",
    claim="\"Although the proposed architecture has become a success for computer vision, it is still questionable whether its quality can "
          "be attributed to the guiding principles that have lead to its construction\": a verdict would need automated tools that find "
          "similar, but better, topologies (section 3).",
    experiment="The clusters that the demonstration before reads from each layer of a trained stack become an Inception module after it: "
               "filters of each size in proportion to the units of its clusters, reductions as wide as these clusters have channels, but "
               "none that costs more than it saves. The network is compared with a uniform one (as many 1x1 as 3x3 as 5x5, reductions of "
               "a half), with itself in reverse order of layers, and with inception3a's proportions everywhere; all are made as wide "
               "as the same multiply-adds allow and trained alike, from several seeds.",
    rule="A topology is better if its mean accuracy is higher by half a point and by two standard errors of the difference. Holds: the "
         "found one is better than the uniform one and than itself reversed. Holds partly: than one of them, and the other is not better "
         "than it. Contradicted: the other is better, or a gain of half a point is ruled out in both. Undecided: otherwise.",
    measure=measure,
    judge=judge,
    table=table,
    figures={"allocation": ("Filters that were found for each module; accuracy of each seed, and means.", draw)},
    seeded=True,
)
