"""What nine naive Inception modules cost, and what the reductions save: counted from the modules themselves."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ...array_types import Array, Shape
from ...models.googlenet import TABLE_1
from ...nn import Conv2d, Inception, Module, NaiveInception
from ..runner.demonstration import Demonstration, Figure, Numbers, Rows, Setting, Table
from ..runner.verdicts import CONTRADICTED, HOLDS, PARTLY, Verdict, above

SIDES = {"3": 28, "4": 14, "5": 7}  # height and width of the maps of a stage
FEW = 3  # "within a few stages": the number of modules after which the cost is compared
MUCH, SOME = 5, 2  # times the cost of the reduced modules


def zeros(shape: Shape) -> Array:
    """Weights that are counted but never used: the system allocates no memory for pages that are never written."""
    return np.zeros(shape, np.float32)


def reduced(row: str, channels: int, ch1x1: int, r3: int, ch3x3: int, r5: int, ch5x5: int, pool_proj: int) -> Inception:
    """Figure 2b."""
    return Inception(channels, ch1x1, r3, ch3x3, r5, ch5x5, pool_proj, init=zeros)


def naive(row: str, channels: int, ch1x1: int, _: int, ch3x3: int, __: int, ch5x5: int, ___: int) -> NaiveInception:
    """Figure 2a: the pool passes all channels on."""
    return NaiveInception(channels, ch1x1, ch3x3, ch5x5, init=zeros)


def projected(row: str, channels: int, ch1x1: int, _: int, ch3x3: int, __: int, ch5x5: int, pool_proj: int) -> Any:
    """Without reductions, but with the projection after the pool, so that the channels are those of table 1."""
    module: Any = naive(row, channels, ch1x1, _, ch3x3, __, ch5x5, pool_proj)
    module.project = Conv2d(channels, pool_proj, 1, init=zeros)
    module.out_channels += pool_proj - channels
    return module


KINDS: dict[str, Callable[..., Any]] = {"naive": naive, "projected": projected, "reduced": reduced}


def count(module: Module, side: int) -> tuple[int, int, int]:
    """(weights, biases, multiply-adds) of the convolutions in `module`, which keep a map of side x side pixels."""
    convs = [conv for _, conv in module.named_modules() if isinstance(conv, Conv2d)]
    maps = [((1, side, side, conv.in_channels), (1, side, side, conv.out_channels)) for conv in convs]
    return (sum(conv.weight.size for conv in convs), sum(conv.bias.size for conv in convs if conv.bias is not None),
            sum(conv.multiply_adds(*shapes) for conv, shapes in zip(convs, maps, strict=True)))


def chain(make: Callable[..., Any]) -> Rows:
    """A row for each of the nine modules of table 1, each made by `make` for the output channels of the one before."""
    rows, channels = [], TABLE_1[0][1]
    for row, _, *widths in TABLE_1:
        module = make(row, channels, *widths)
        weights, biases, multiply_adds = count(module, SIDES[row[0]])
        rows.append({"module": row, "in": channels, "out": module.out_channels,
                     "weights": weights, "biases": biases, "multiply_adds": multiply_adds})
        channels = module.out_channels
    return rows


def reduction_pays(cin: int, reduce: int, k: int, cout: int) -> bool:
    """Whether reducing `cin` channels to `reduce` before a k x k convolution to `cout` saves multiply-adds."""
    return reduce * (cin + k * k * cout) < k * k * cin * cout


def paying() -> tuple[int, int]:
    """(reductions of table 1 that save multiply-adds, reductions)."""
    pays = [reduction_pays(cin, r, k, n) for _, cin, _, r3, n3, r5, n5, _ in TABLE_1 for r, k, n in ((r3, 3, n3), (r5, 5, n5))]
    return sum(pays), len(pays)


def measure(setting: Setting) -> Numbers:
    """{"naive", "projected", "reduced": a row for each module, "paying": [how many reductions save, of how many]}."""
    setting.say("  nine modules: naive, with a projection after the pool, reduced")
    return setting.once("counts", lambda: {kind: chain(make) for kind, make in KINDS.items()} | {"paying": list(paying())})


def total(rows: Rows, key: str = "multiply_adds") -> int:
    """The sum over the modules."""
    return sum(row[key] for row in rows)


def judge(numbers: Numbers) -> Verdict:
    """The verdict, from the multiply-adds of all nine modules, and of the last of the first few."""
    naive, reduced = numbers["naive"], numbers["reduced"]
    ratio, early = total(naive) / total(reduced), naive[FEW - 1]["multiply_adds"] / reduced[FEW - 1]["multiply_adds"]
    pays, reductions = numbers["paying"]
    why = (f"Naive modules go from {naive[0]['in']:,} to {naive[-1]['out']:,} channels and take {total(naive) / 1e9:.2f} G multiply-adds "
           f"where reduced ones take {total(reduced) / 1e9:.2f} G: {ratio:.1f} times as many, {early:.1f} times in the module "
           f"{naive[FEW - 1]['module']} already; {total(naive, 'weights') / 1e6:.1f} M weights against "
           f"{total(reduced, 'weights') / 1e6:.2f} M. A projection after the pool alone leaves "
           f"{total(numbers['projected']) / total(reduced):.1f} times the cost. {pays} of {reductions} reductions save multiply-adds.")
    margins = (above("naive modules, times the multiply-adds", ratio, MUCH), above(f"in module {naive[FEW - 1]['module']}", early, MUCH))
    if all(margin.answer for margin in margins) and pays == reductions:
        return Verdict(HOLDS, why, margins)
    return Verdict(PARTLY if ratio >= SOME else CONTRADICTED, why, margins)


def table(numbers: Numbers) -> Table:
    """A row for each module, and their sum."""
    head = ["module", "reduced: channels", "weights", "M multiply-adds", "with projection: M",
            "naive: channels", "weights", "M multiply-adds", "times reduced"]
    sums = [{"module": "sum", "in": rows[0]["in"], "out": rows[-1]["out"], "weights": total(rows, "weights"), "multiply_adds": total(rows)}
            for rows in (numbers[kind] for kind in ("reduced", "projected", "naive"))]
    rows = zip(numbers["reduced"], numbers["projected"], numbers["naive"], strict=True)
    return head, [_cells(*of_module) for of_module in [*rows, sums]]


def _cells(reduced: Numbers, projected: Numbers, naive: Numbers) -> list[str]:
    def facts(row: Numbers, digits: int) -> list[str]:
        return [f"{row['in']:,} to {row['out']:,}", f"{row['weights']:,}", f"{row['multiply_adds'] / 1e6:,.{digits}f}"]

    times = naive["multiply_adds"] / reduced["multiply_adds"]
    return [reduced["module"], *facts(reduced, 1), facts(projected, 0)[2], *facts(naive, 0), f"{times:.1f}"]


def draw(numbers: Numbers, figure: Figure) -> None:
    """F7: channels and multiply-adds by module."""
    labels = {"naive": "naive", "projected": "no reductions, pool projected", "reduced": "reduced"}
    for axis, key, title in zip(figure.subplots(1, 2), ("out", "multiply_adds"), ("channels that come out", "multiply-adds"), strict=True):
        for i, (kind, label) in enumerate(labels.items()):
            names, values = [row["module"] for row in numbers[kind]], [row[key] for row in numbers[kind]]
            axis.plot(names, values, ("o-", "s--", "^-")[i], ms=4, label=label)
        axis.set(yscale="log", title=title, xlabel="module")
        axis.legend(fontsize=8)


BLOW_UP = Demonstration(
    name="blow_up",
    link="L6",
    title="Naive modules blow up",
    claim="Even a modest number of 5x5 convolutions is prohibitively expensive on many channels, and merging the pool's output makes "
          "channels grow from stage to stage, \"leading to a computational blow up within a few stages\"; 1x1 reductions prevent it "
          "(section 4).",
    experiment="The nine modules of table 1 in three forms, naive (figure 2a), without reductions but with a projection after the pool, "
               "and reduced (figure 2b), each fed with the channels that the one before gives. Weights and multiply-adds are counted "
               "from the modules. A reduction is low rank, not sparsity: it changes what the module can compute.",
    rule=f"holds: the naive modules take at least {MUCH} times the multiply-adds of the reduced ones, in all and in the {FEW}rd module "
         f"already, and every reduction saves some. Holds partly: at least {SOME} times in all. Contradicted: otherwise.",
    measure=measure,
    judge=judge,
    table=table,
    figures={"F7": ("Channels and multiply-adds of nine modules in a row.", draw)},
)
