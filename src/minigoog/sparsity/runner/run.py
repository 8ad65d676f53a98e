"""Runs demonstrations in a folder, resuming where an earlier run of the same kind stopped."""

import json
import time
import traceback
import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ...data.folder import ImageFolder, open_folder
from ...files import atomic_write, error_text
from ...parallel import Alone, Communicator
from ...parallel.together import agreed
from ...reading import LONGEST_JSON, json_value, limited, reading
from ...text import duration, listed, short
from .demonstration import DAMAGED, RESULT, Demonstration, Numbers, Say, Setting, facts_in
from .verdicts import Margin

ALONE = Alone()
SETTINGS = "settings.json"


@dataclass(frozen=True)
class Kind:
    """The settings that all results in one folder share."""

    quick: bool
    seed: int
    images: str  # described in words

    def __str__(self) -> str:
        return f"a {'quick' if self.quick else 'full'} run with seed {self.seed} on {self.images}"


@dataclass(frozen=True)
class Outcome:
    """The outcome of a demonstration: numbers, verdict and reason, or an error. Both are missing if it has not run.

    seeds: of each network, as was asked for in the run that made it; None: as many as planned."""

    demonstration: Demonstration
    numbers: Numbers | None = None
    verdict: str | None = None
    why: str = ""
    margins: Sequence[Margin] = ()
    error: str = ""
    seeds: int | None = None


def run(names: Sequence[str], demonstrations: dict[str, Demonstration], output: str | Path, *, quick: bool = False, seed: int = 0,
        seeds: int | None = None, images: Path | None = None, say: Say = print, ranks: Communicator = ALONE) -> list[Outcome]:
    """Runs those of `demonstrations`, {name: Demonstration}, that are among `names`; returns an Outcome for each of all of them.

    Those that are not among `names` have the results of an earlier run in the folder `output`. If a demonstration fails, the
    others still run. seeds: networks of each kind where accuracies are compared, instead of as many as planned; those that an earlier
    run has trained are kept. ranks: processes that share the parts, each of which is computed by one of them; all get all outcomes.
    ValueError if the folder holds results of another kind; OSError if it cannot be written to."""
    folder = Path(output)
    agreed(ranks, "the folder", lambda: None if ranks.rank else opened(folder, Kind(quick, seed, _described(images))))
    outcomes = {name: _kept(demonstration, folder / name / f"{RESULT}.json") for name, demonstration in demonstrations.items()}
    for i, name in enumerate(names, start=1):
        say(f"{name} ({i} of {len(names)}): {demonstrations[name].title}")
        setting = Setting(folder / name, quick, seed, seeds if demonstrations[name].seeded else None, images, lambda text: say(f"  {text}"))
        outcomes[name] = _run_one(demonstrations[name], setting)
    return list(outcomes.values())


def _run_one(demonstration: Demonstration, setting: Setting) -> Outcome:
    """The Outcome of one demonstration, which may be an error."""
    began = time.monotonic()
    setting.folder.mkdir(exist_ok=True)
    try:
        numbers = setting.result(lambda: demonstration.measure(setting))  # all processes share its parts
        outcome = _from(demonstration, numbers, setting.seeds)
        said = outcome.verdict
    except Exception as error:  # any error is reported, and the other demonstrations still run
        outcome = Outcome(demonstration, error=traceback.format_exc(), seeds=setting.seeds)
        said = f"failed: {type(error).__name__}: {error_text(error)}"
    setting.say(f"{said} ({duration(time.monotonic() - began)})")
    return outcome


def _from(demonstration: Demonstration, numbers: Numbers, seeds: int | None) -> Outcome:
    """The Outcome of these numbers."""
    return Outcome(demonstration, numbers, *demonstration.judge(numbers), seeds=seeds)


def _kept(demonstration: Demonstration, path: Path) -> Outcome:
    """The Outcome of the numbers that an earlier run left, if any; DamagedFile, naming the file, if they cannot be judged or shown."""
    if not path.exists():
        return Outcome(demonstration)
    facts = facts_in(path)
    with reading(path, *DAMAGED):
        demonstration.table(facts["numbers"])
        return _from(demonstration, facts["numbers"], facts.get("seeds"))


def opened(folder: Path, kind: Kind) -> Path:
    """`folder`, created if needed, for results of this kind; ValueError if it holds others."""
    path = folder / SETTINGS
    if path.exists():
        if (there := kind_of(folder)) != kind:
            raise ValueError(f"sparsity: `output` is '{folder}', which holds results of {there}; {kind} needs another folder")
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    if any(not entry.name.startswith(".") for entry in folder.iterdir()):
        raise ValueError(f"sparsity: `output` is '{folder}', which holds other files; expected a new or empty folder")
    with atomic_write(path) as file:
        file.write(json.dumps(asdict(kind)).encode())
    return folder


def kind_of(folder: Path) -> Kind:
    """The Kind of the results in this folder."""
    with reading(folder / SETTINGS, "not the settings of a run"), open(folder / SETTINGS, "rb") as file:
        kind = Kind(**json_value(limited(file, LONGEST_JSON), dict))
        if [type(value) for value in asdict(kind).values()] != [bool, int, str]:
            raise ValueError(f"{short(asdict(kind))}, expected quick, seed and images")
        return kind


def _described(images: Path | None) -> str:
    """Describes the images in words that do not depend on the machine or the place, and that differ for other images."""
    if images is None:
        return "the digits"
    train, test = (open_folder(images, split) for split in ("train", "test"))
    counts = f"{len(train):,} images for training and {len(test):,} for testing, of {len(train.classes)} classes"
    return f"{counts} ({listed(train.classes)}), checksums {_checksum(train)} and {_checksum(test)}"


def _checksum(part: ImageFolder) -> str:
    """Of the names, classes and sizes of the files: reading thousands of images would take too long."""
    sizes = " ".join(str(path.stat().st_size) for path in part.paths)
    return f"{zlib.crc32(sizes.encode(), part.fingerprint()):08x}"
