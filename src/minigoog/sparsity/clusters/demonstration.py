"""L4 and L1 with shared weights: clusters modulo translation give back a planted mix of 1x1, 3x3 and 5x5 filters."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ... import kernels
from ...array_types import BoolArray
from ..runner.demonstration import Demonstration, Numbers, Rows, Setting, Table
from ..runner.verdicts import CONTRADICTED, HOLDS, PARTLY, UNDECIDED, Verdict, above
from .figure import draw
from .planted_maps import plant, show, shuffled
from .translated import SIZES, Histogram, find_clusters, histogram

CHANNELS, CHILDREN, SIDE, RADIUS = 32, 6, 64, SIZES[-1] - 1  # children of a 5x5 window are at most 4 pixels apart
SHARE = 0.5  # pairs are related if they are on together at this share of the places where a hidden unit is on
PLANTED = ({1: 8, 3: 10, 5: 6}, {1: 4, 3: 8, 5: 12})
CROWDED = {1: 16, 3: 6, 5: 2}  # many 1x1 units share channels
DENSITY, THIN, IMAGES = 0.002, 0.0005, 60  # share of places where a hidden unit is on; with THIN, few images are not enough
FULL: dict[str, Any] = {"seeds": 5, "images": (1, 2, 4, 6, 10, 20, 60), "densities": (0.001, 0.002, 0.004, 0.008, 0.012, 0.016, 0.02, 0.03)}
QUICK: dict[str, Any] = {"seeds": 1, "images": (1, 2, 6, 20), "densities": (0.002, 0.008, 0.012, 0.02)}


def related_pairs(maps: BoolArray, density: float) -> BoolArray:
    """The graph of channels that are on together, at most RADIUS pixels apart, as often as children of a unit of this density."""
    n, h, w, c = maps.shape
    shift = np.abs(np.arange(-RADIUS, RADIUS + 1))
    places = n * np.outer(h - shift, w - shift)  # at which both pixels of a pair are on the map
    related: BoolArray = kernels.cooccurrences(maps, RADIUS) >= SHARE * density * places[None, :, :, None]
    related[np.arange(c), RADIUS, RADIUS, np.arange(c)] = False  # a channel with itself
    return related


def recovery(seed: int, planted: Histogram, density: float = DENSITY, images: int = IMAGES, control: bool = False) -> Numbers:
    """A row of numbers: the planted and the found units, as {size: units}, and how many units were found exactly.

    control: each channel's pixels are shuffled first."""
    generator = np.random.default_rng(seed)
    units = plant(generator, planted, CHANNELS, CHILDREN)
    maps = show(generator, units, CHANNELS, images, SIDE, density)
    if control:
        maps = shuffled(generator, maps)
    found = find_clusters(related_pairs(maps, density), maps)
    return {"planted": _named(planted), "density": density, "images": images, "found": _named(histogram(found)),
            "exact": len(set(units) & set(found)), "units": len(units)}


def _named(counts: Histogram) -> dict[str, int]:
    return {f"{size}x{size}": count for size, count in counts.items()}


def measure(setting: Setting) -> Numbers:
    """Rows of numbers by part."""
    sizes, numbers = QUICK if setting.quick else FULL, {}
    seeds = [setting.seed + i for i in range(sizes["seeds"])]
    parts: dict[str, Callable[[], Rows]] = {
        "planted": lambda: [recovery(seed, planted) for planted in PLANTED for seed in seeds],
        "control": lambda: [recovery(seed, PLANTED[0], control=True) for seed in seeds],
        "crowded": lambda: [recovery(seed, CROWDED) for seed in seeds],
        "images": lambda: [recovery(setting.seed, PLANTED[0], THIN, images=n) for n in sizes["images"]],
        "density": lambda: [recovery(setting.seed, PLANTED[0], density, images=20) for density in sizes["densities"]],
    }
    for name, compute in parts.items():
        setting.say(f"conv_arora: {name}")
        numbers[name] = setting.rows(name, compute)
    return numbers


def is_exact(row: Numbers) -> bool:
    """Whether the units found are those planted, and no others."""
    return bool(row["planted"] == row["found"] and row["exact"] == row["units"])


def judge(numbers: Numbers) -> Verdict:
    """The verdict, from the two planted mixes and the control."""
    planted, control, crowded = numbers["planted"], numbers["control"], numbers["crowded"]
    exact = sum(map(is_exact, planted))
    spurious = max(row["exact"] for row in control)
    most = max((row["density"] for row in numbers["density"] if is_exact(row)), default=0)
    why = (f"{exact} of {len(planted)} planted mixes come back exactly, unit by unit; {spurious} units from shuffled maps "
           f"({max(sum(row['found'].values()) for row in control)} clusters at most). Mixes with 16 1x1 units in {CHANNELS} channels: "
           f"{sum(row['exact'] for row in crowded)} of {sum(row['units'] for row in crowded)} units. The densest maps that come back "
           f"exactly have hidden units on at {most:.1%} of the places.")
    margins = (above("mixes that come back exactly", exact, len(planted)),)
    if spurious:
        return Verdict(UNDECIDED, f"{why} What finds units in noise shows nothing.", margins)
    return Verdict(HOLDS if exact == len(planted) else PARTLY if exact else CONTRADICTED, why, margins)


def table(numbers: Numbers) -> Table:
    """A row for each set of maps."""
    names = {"planted": "planted", "control": "control: shuffled pixels", "crowded": "16 1x1 units share channels", "images": "by images",
             "density": "by density"}
    head = ["experiment", "density", "images", "planted 1x1 / 3x3 / 5x5", "found", "exactly"]
    return head, [[name, f"{row['density']:.2%}", f"{row['images']}", _slashed(row["planted"]), _slashed(row["found"]),
                   f"{row['exact']} of {row['units']}"] for part, name in names.items() for row in numbers[part]]


def _slashed(counts: dict[str, int]) -> str:
    return " / ".join(str(counts[f"{size}x{size}"]) for size in SIZES)


CONV_ARORA = Demonstration(
    name="conv_arora",
    link="L4",
    title="Clusters modulo translation are filters of 1x1, 3x3 and 5x5",
    claim="Correlated units that concentrate in a single region can be covered by 1x1 convolutions, more spread out clusters by "
          "convolutions over larger patches; Inception's filters are restricted to 1x1, 3x3 and 5x5 (section 4).",
    experiment=f"Hidden units with {CHILDREN} children in windows of 1x1, 3x3 and 5x5 show binary maps of {CHANNELS} channels. Channels "
               f"are related at an offset when they are on together at half the places or more at which a hidden unit is on; "
               f"RecoverGraph modulo translation finds clusters, whose extents are filter sizes. As a control each channel's pixels are "
               f"shuffled. The same tool then reads a trained network.",
    rule="holds: every planted mix (8 / 10 / 6 and 4 / 8 / 12 units of 1x1 / 3x3 / 5x5) comes back exactly, unit by unit and with no "
         "others, and none from shuffled maps. Holds partly: some mixes do. Contradicted: none does. Undecided: a unit from "
         "shuffled maps does.",
    measure=measure,
    judge=judge,
    table=table,
    figures={"F4": ("Filter sizes planted and found; units found exactly by images and by density.", draw)},
)
