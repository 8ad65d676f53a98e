"""The settings of a detector and of its training, each with its check; TOML files of them, among them this package's."""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from importlib import resources
from pathlib import Path
from typing import Any

from ...checks import check_bool, check_choice, check_int, check_real
from ...reading import in_file, limited, open_regular, reading
from ...text import listed, printable, short
from ..proposals import STRATEGIES

HEADS = ("softmax", "svm")
LONGEST = 1 << 14  # bytes of a file of settings
WHERE = "train"
CONFIGURATIONS = resources.files("minigoog.detection") / "configurations"


@dataclass(frozen=True)
class Settings:
    """size, frozen   pixels of a crop; the layer up to which the network stays as it was
    strategy, superpixels, width, smallest, overlap, most, seed   the proposals: selective search, thinned where they overlap by more, and
                      how many
    positives, negatives   windows of a picture in the pool of training: of each object, and of the background
    steps, rate, head_rate, drop, balance   fine-tuning: steps of 128 windows, the first rates of the tail and of the new head, after
                      how many steps they become a tenth (0: they follow half a cosine), and how alike the numbers of windows of
                      the classes are
    models   members of the ensemble, which differ in their seed
    svm, regress, penalty   whether SVMs and box regression are trained; the penalty of the latter
    head, nms   what judges boxes; the IoU above which a better box removes another
    multibox, whole, multibox_layer, multibox_steps   how many boxes MultiBox adds to the proposals; pixels of the whole picture for it;
                      the layer whose map it reads (none: `frozen`); its training"""

    size: int = 112
    frozen: str = "pool4"
    strategy: str = "fast"
    superpixels: float = 1.0
    width: int = 500
    smallest: int = 0
    overlap: float = 0.8
    most: int = 700
    seed: int = 0
    positives: int = 3
    negatives: int = 60
    steps: int = 600
    rate: float = 0.002
    head_rate: float = 0.003
    drop: int = 0
    balance: float = 1.0
    models: int = 1
    svm: bool = True
    regress: bool = True
    penalty: float = 1000.0
    head: str = "softmax"
    nms: float = 0.3
    multibox: int = 0
    whole: int = 320
    multibox_layer: str = ""
    multibox_steps: int = 800

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            check(name, value)
        if self.head == "svm" and not self.svm:
            raise ValueError(f"{WHERE}: `head` is svm, but `svm` is false")


INTEGERS = {"size": (32, 512), "width": (1, 1 << 14), "smallest": (0, 10_000), "most": (1, 100_000),
            "seed": (0, 2**31 - 1), "positives": (1, 1000),
            "negatives": (1, 10_000), "steps": (0, 10_000_000), "drop": (0, 10_000_000), "models": (1, 100),
            "multibox": (0, 2000), "whole": (64, 2048), "multibox_steps": (0, 1_000_000)}  # fmt: skip
REALS = {"superpixels": (0.01, 1000.0), "overlap": (0.01, 1.0), "rate": (0.0, 10.0), "head_rate": (0.0, 10.0), "balance": (0.0, 1.0),
         "penalty": (1e-6, 1e9), "nms": (0.0, 1.0)}  # fmt: skip
CHOICES = {"strategy": tuple(STRATEGIES), "head": HEADS}


def check(name: str, value: Any) -> None:
    """ValueError or TypeError, naming the setting, if there is none of this name, or if it cannot have this value."""
    if name in INTEGERS:
        check_int(WHERE, name, value, *INTEGERS[name])
    elif name in REALS:
        check_real(WHERE, name, value, *REALS[name])
    elif name in CHOICES:
        check_choice(WHERE, name, value, CHOICES[name])
    elif name in ("svm", "regress"):
        check_bool(WHERE, name, value)
    elif name not in ("frozen", "multibox_layer"):
        known = listed([field.name for field in fields(Settings)], 20)
        raise ValueError(f"{WHERE}: there is no setting {short(name)}, expected some of {known}")
    elif not isinstance(value, str) or (name == "frozen" and not value):
        raise ValueError(f"{WHERE}: `{name}` is {short(value)}, expected the name of a layer")


def from_facts(facts: Mapping[str, Any]) -> Settings:
    """The Settings of these values by name; ValueError or TypeError, naming one, if it is unknown or wrong."""
    for name in sorted(facts):
        check(name, facts[name])
    return replace(Settings(), **facts)


def facts_of(settings: Settings) -> dict[str, Any]:
    """The settings by name, for JSON."""
    return asdict(settings)


def names() -> list[str]:
    """The configurations of this package."""
    return sorted(file.name.removesuffix(".toml") for file in CONFIGURATIONS.iterdir() if file.name.endswith(".toml"))


def from_file(name: str | os.PathLike[str]) -> dict[str, Any]:
    """The settings in a TOML file, or of one of the configurations of this package (`names`); ValueError, naming the setting and the
    file, if one is wrong."""
    if name in names():
        return tomllib.loads((CONFIGURATIONS / f"{name}.toml").read_text(encoding="utf-8"))
    if os.fspath(name).isidentifier() and not Path(name).exists():
        raise ValueError(f"{WHERE}: `config` is {short(name)}, expected one of {listed(names())}, or a TOML file")
    with reading(name, "not a file of settings"), open_regular(Path(name)) as file:
        found = tomllib.loads(limited(file, LONGEST).decode())
    with in_file(name):
        for setting in sorted(found):
            check(setting, found[setting])
    return found


def differences(old: Settings, new: Settings) -> list[str]:
    """The settings that differ, each as text."""
    pairs = [(name, value, facts_of(new)[name]) for name, value in facts_of(old).items()]
    return [f"{name} {printable(str(a))} (now {printable(str(b))})" for name, a, b in pairs if a != b]
