"""L5: do correlated units spread out with depth, so that deeper modules need larger filters? Read from a network trained on images."""

from collections.abc import Sequence
from typing import Any

from ..runner.demonstration import Demonstration, Numbers, Setting, Table
from ..runner.verdicts import UNDECIDED, Margin, Verdict, combined
from .experiment import DEGREE, Reading
from .figure import draw
from .measures import CONDITIONS, MEASURES, METHODS, Measure, by_depth, counts, finite_mean, table_1_ratios, trend

PLANS: dict[tuple[bool, bool], dict[str, Any]] = {  # key: (photographs?, quick?)
    (True, False): {"train": 16_000, "test": 2_000, "epochs": 6, "lr": 0.1, "looked_at": 500, "seeds": 2},
    (True, True): {"train": 1_000, "test": 500, "epochs": 2, "lr": 0.1, "looked_at": 150, "seeds": 1},
    (False, False): {"train": 1_442, "test": 355, "epochs": 15, "lr": 0.1, "looked_at": 355, "seeds": 3},
    (False, True): {"train": 1_442, "test": 355, "epochs": 3, "lr": 0.1, "looked_at": 355, "seeds": 1},
}
RISES, VALID = 0.5, 0.1  # rank correlation with depth that counts as rising; largest share of clusters that may remain after shuffling


def measure(setting: Setting) -> Numbers:
    """{"plan", "seeds": the numbers of a network for each seed}."""
    plan = PLANS[setting.images is not None, setting.quick]
    networks = []
    for seed in range(plan["seeds"]):
        setting.say(f"depth: network {seed + 1} of {plan['seeds']}")
        reading = Reading(setting, plan, 1000 * setting.seed + seed)
        networks.append(setting.once(f"network{seed}", reading.numbers))
    return {"plan": plan, "photographs": setting.images is not None, "networks": networks}


def trends(numbers: Numbers, measure: Measure) -> tuple[float, float]:
    """(rank correlation with depth for the trained network, and for its excess over phase-scrambled images)."""
    trained, scrambled = (by_depth(numbers, measure, condition) for condition in CONDITIONS[:2])
    return trend(trained), trend([a - b for a, b in zip(trained, scrambled, strict=True)])


def number_of_clusters(numbers: Numbers, condition: str) -> int:
    """Clusters that RecoverGraph finds in all networks and layers."""
    rows = [row for network in numbers["networks"] for row in network["layers"][condition]]
    return sum(len(row["clusters"][METHODS[0]]) for row in rows)


def judge(numbers: Numbers) -> Verdict:
    """The verdict, from three measures of concentration, each against its control."""
    found = {name: trends(numbers, measure) for name, measure in MEASURES.items()}
    margins = tuple(_margin(name, min(both)) for name, both in found.items())
    rising = [margin for margin in margins if margin.answer]
    real, chance = (number_of_clusters(numbers, condition) for condition in (CONDITIONS[0], CONDITIONS[3]))
    words = "; ".join(f"{name} {own:+.2f}, beyond phase-scrambled images {beyond:+.2f}" for name, (own, beyond) in found.items())
    why = (f"Rank correlation with depth: {words}. {len(rising)} of {len(found)} measures rise. Clusters: {real}, after "
           f"shuffling {chance}. Table 1's own ratios of (3x3 + 5x5) to 1x1 filters: {', '.join(f'{r:.2f}' for r in table_1_ratios())}, "
           f"rank correlation {trend(table_1_ratios()):+.2f}.")
    if chance > VALID * real:
        return Verdict(UNDECIDED, f"{why} The tool finds clusters where there are none.", margins)
    return Verdict(combined(margin.answer for margin in margins), why, margins)


def _margin(name: str, rank: float) -> Margin:
    """Whether a measure rises with depth: a rank correlation of a few layers between 0 and RISES leaves that open."""
    return Margin(f"{name} rises with depth", rank, 0.0, RISES, True if rank >= RISES else False if rank <= 0 else None)


def table(numbers: Numbers) -> Table:
    """A row for each condition and layer."""
    head = ["maps of", "layer", "live channels", "mean phi^2 between channels at distance 0 : 1 : 2", "of a channel with itself at 1, 2",
            *(f"1x1 / 3x3 / 5x5: {name}" for name in METHODS)]
    rows = []
    for condition in CONDITIONS:
        for depth, layers in enumerate(zip(*(network["layers"][condition] for network in numbers["networks"]), strict=True), start=1):
            rows.append([condition, str(depth), *_cells(layers)])
    return head, rows


def _cells(layers: Sequence[Numbers]) -> list[str]:
    """One layer of all networks, as text: correlations as means, clusters as sums."""
    cross, same = ([finite_mean(row["rings"][kind][r] for row in layers) for r in range(3)] for kind in ("cross", "same"))
    found = [counts([cluster for row in layers for cluster in row["clusters"][name]]) for name in METHODS]
    relative = " : ".join(f"{value / cross[0]:.2f}" if cross[0] else "-" for value in cross)
    live = f"{finite_mean(row['live'] for row in layers):.0f} of {layers[0]['channels']}"
    return [live, f"{cross[0]:.4f} x {relative}", f"{same[1]:.3f}, {same[2]:.3f}", *(" / ".join(map(str, each.values())) for each in found)]


DEPTH = Demonstration(
    name="depth",
    link="L5",
    title="Do clusters spread out with depth?",
    claim="In the lower layers correlated units concentrate in local regions and are covered by 1x1 convolutions; as features of higher "
          "abstraction are captured by higher layers \"their spatial concentration is expected to decrease\", so the ratio of 3x3 and 5x5 "
          "convolutions should increase with depth (section 4).",
    experiment=f"A plain stack of 3x3 convolutions is trained on images. Each channel of its maps of test images is on where it exceeds "
               f"its own 95th percentile; phi is the correlation of two channels at a given offset. The tool that recovered planted "
               f"filters reads the graph of the strongest correlations between channels, {DEGREE} for a channel at a pixel, and so does "
               f"average linkage at the same threshold. A channel's correlation with its own neighbours is larger than any other and says "
               f"only that maps are smooth: it is reported separately. Controls: phase-scrambled images (the spectrum alone), random "
               f"weights, and channels shuffled over the images, compared with the same thresholds.",
    rule=f"Three measures, chosen in advance since reasonable ones disagree: how far correlation between channels reaches (mean phi^2 at "
         f"distance 2 as a share of that at 0), and the mean extent of clusters by RecoverGraph and by average linkage. One rises if its "
         f"rank correlation with depth is {RISES} or more, and so is that of its excess over phase-scrambled images. Holds: all three "
         f"rise. Holds partly: one or two. Contradicted: all are 0 or less. Undecided: otherwise, or if shuffled channels keep more than "
         f"{VALID:.0%} of the clusters.",
    measure=measure,
    judge=judge,
    table=table,
    figures={"F8": ("Extent of clusters and reach of correlation by depth, with the controls; the ratios of table 1.", draw)},
)
