"""Which support does the task want? Filters of 5x5 that lose what they do not need, by depth."""

from functools import partial
from typing import Any

from ..accuracy.pictures import pictures
from ..runner.demonstration import Demonstration, Figure, Numbers, Rows, Setting, Table
from ..runner.parts import work_through
from ..runner.verdicts import UNDECIDED, Margin, Verdict, combined
from .measures import finite_mean, trend
from .plain_stack import new_stack
from .rings import ALIVE, LEAST, SIZES, found, mean_size, train

PLANS: dict[tuple[bool, bool], dict[str, Any]] = {  # key: (photographs?, quick?)
    (True, False): {"train": 16_000, "test": 2_000, "epochs": 6, "lr": 0.1, "seeds": 2, "strengths": (0.0, 1.0, 2.0, 3.0)},
    (True, True): {"train": 640, "test": 400, "epochs": 1, "lr": 0.1, "seeds": 1, "strengths": (0.0, 2.0)},
    (False, False): {"train": 1_442, "test": 355, "epochs": 15, "lr": 0.1, "seeds": 3, "strengths": (0.0, 2.0, 4.0, 8.0, 16.0)},
    (False, True): {"train": 700, "test": 355, "epochs": 5, "lr": 0.1, "seeds": 1, "strengths": (0.0, 2.0)},
}
RISES = 0.5  # rank correlation with depth that counts as rising
TELLS = (0.1, 0.9)  # a strength says something if it leaves more and fewer of the outermost rings than this
COSTS = 0.05  # accuracy that it may cost


def measure(setting: Setting) -> Numbers:
    """{"plan", "strengths": a row for each, means over the seeds}."""
    plan = PLANS[setting.images is not None, setting.quick]
    images, test = pictures(setting.images, plan["train"], plan["test"])

    def run(strength: float, seed: int) -> Numbers:
        model = new_stack(1000 * setting.seed + seed, images.images.shape[1:], int(images.labels.max()) + 1, window=5)
        train(model, images, plan, strength, 1000 * setting.seed + seed)
        return found(model, test)

    setting.say(f"supports: {len(plan['strengths'])} strengths, {plan['seeds']} seeds")
    parts = {(s, seed): f"strength{s:g}-seed{seed}" for s in plan["strengths"] for seed in range(plan["seeds"])}
    done = work_through(setting, {name: partial(run, *key) for key, name in parts.items()})
    rows = [_row(s, [done[parts[s, seed]] for seed in range(plan["seeds"])]) for s in plan["strengths"]]
    return {"plan": plan | {"strengths": list(plan["strengths"])}, "strengths": rows}


def _row(strength: float, runs: Rows) -> Numbers:
    """The results of one strength: means, and sums of filters."""
    layers = list(zip(*(run["layers"] for run in runs), strict=True))
    filters = [[sum(layer["filters"][k] for layer in each) for k in range(len(SIZES))] for each in layers]
    dead = [sum(layer["dead"] for layer in each) for each in layers]
    return {"strength": strength, "accuracy": finite_mean(run["accuracy"] for run in runs), "filters": filters, "dead": dead}


def outermost(row: Numbers) -> float:
    """The share of live filters that still have their outermost ring."""
    total = sum(map(sum, row["filters"]))
    return sum(filters[-1] for filters in row["filters"]) / total if total else 0.0


def telling(numbers: Numbers) -> Rows:
    """The rows of strengths that say something: they leave some rings and not all, and the network still works."""
    best = numbers["strengths"][0]["accuracy"]
    return [row for row in numbers["strengths"] if TELLS[0] < outermost(row) < TELLS[1] and row["accuracy"] >= best - COSTS]


def judge(numbers: Numbers) -> Verdict:
    """The verdict: whether filters keep larger supports in deeper layers, at every strength that says something."""
    rows = telling(numbers)
    if not rows:
        left = ", ".join(f"{outermost(row):.0%} at {row['strength']:g}" for row in numbers["strengths"])
        return Verdict(UNDECIDED, f"No strength says anything: filters with their outermost ring are {left}.")
    trends = {row["strength"]: trend(map(mean_size, row["filters"])) for row in rows}
    words = "; ".join(f"{row['strength']:g}: {trends[row['strength']]:+.2f}, {_said(row)}" for row in rows)
    why = f"Rank correlation of the mean support of live filters with depth, by strength: {words}; without the penalty the accuracy is "
    why += f"{numbers['strengths'][0]['accuracy']:.1%}."
    margins = tuple(_margin(strength, value) for strength, value in trends.items())
    return Verdict(combined(margin.answer for margin in margins), why, margins)


def _margin(strength: float, rank: float) -> Margin:
    """Whether the supports grow with depth: a rank correlation of a few layers between 0 and RISES leaves that open."""
    answer = True if rank >= RISES else False if rank <= 0 else None
    return Margin(f"supports grow with depth at strength {strength:g}", rank, 0.0, RISES, answer)


def _said(row: Numbers) -> str:
    return f"accuracy {row['accuracy']:.1%}, {sum(row['dead'])} dead filters"


def table(numbers: Numbers) -> Table:
    """A row for each strength and layer."""
    head = ["strength", "accuracy", "layer", "filters that kept 1x1 / 3x3 / 5x5", "dead", "mean support"]
    rows = []
    for row in numbers["strengths"]:
        for depth, (filters, dead) in enumerate(zip(row["filters"], row["dead"], strict=True), start=1):
            cells = [f"{row['strength']:g}", f"{row['accuracy']:.2%}", str(depth), " / ".join(map(str, filters)), str(dead)]
            rows.append([*cells, f"{mean_size(filters):.2f}"])
    return head, rows


def draw(numbers: Numbers, figure: Figure) -> None:
    """The mean support by depth, a line for each strength."""
    axes = figure.subplots()
    for row in numbers["strengths"]:
        means = [mean_size(filters) for filters in row["filters"]]
        axes.plot(range(1, len(means) + 1), means, "o-", ms=4, label=f"{row['strength']:g} ({row['accuracy']:.1%})")
    axes.set(xlabel="convolution", ylabel="mean support of live filters", ylim=(0.8, 5.2))
    axes.legend(title="strength (accuracy)", fontsize=8)


SUPPORTS = Demonstration(
    name="supports",
    link="L5",
    title="Which support does the task want?",
    claim="As features of higher abstraction are captured by higher layers, \"their spatial concentration is expected to decrease\", so "
    "the ratio of 3x3 and 5x5 convolutions should increase with depth (section 4).",
    experiment="Correlations say which units are on together, not which of them a layer needs. Here a stack of 5x5 convolutions is trained "
    "with a group lasso: after each step the norms of the two outer rings of each filter shrink by the same amount, and rings that the "
    "loss does not hold back vanish. A strength of 1 takes 1 from a norm in the whole training; at first they are 0.8 and 1.1. A ring is "
    f"there if its norm is more than {LEAST:.0%} of its filter's, since the noise of the steps keeps it from being 0 exactly. Filters "
    f"whose ReLU passes less than {ALIVE:.1%} of the pixels of test images are dead and do not count.",
    rule=f"A strength says something if {TELLS[0]:.0%} to {TELLS[1]:.0%} of the live filters keep their outermost ring, at a loss of at "
    f"most {100 * COSTS:.0f} points of accuracy. Holds: at all of these the rank correlation of the mean support with depth is {RISES} or "
    "more. Holds partly: at some. Contradicted: at all it is 0 or less. Undecided: otherwise, or if "
    "none says anything.",
    measure=measure,
    judge=judge,
    table=table,
    figures={"supports": ("Mean support of live filters by depth, for each strength of the penalty.", draw)},
)
