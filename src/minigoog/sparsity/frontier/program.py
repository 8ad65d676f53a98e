"""python -m minigoog.sparsity frontier --run RUN [RUN...]: accuracy against density and milliseconds.

The first network is also pruned in one step, without training, to each
density; others, such as runs of train --prune, are points beside that curve.
What was measured is kept: the same command resumes where it was stopped."""

import json
import sys
import tomllib
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ... import figures
from ...cli import Parser, integer, number_from, output_folder
from ...data import open_dataset
from ...files import atomic_write
from ...loading import TrainedModel, load
from ...nn.pruning import SCOPES
from ...parallel import Communicator
from ...parallel.together import agreed
from ...reading import reading, up_to
from ...text import aligned, file_name, listed, printable
from ..runner.demonstration import Numbers, Setting
from ..runner.machine import machine, now
from ..runner.run import Kind, opened
from .figure import draw
from .points import Point, accuracy, points, times

DENSITIES = (0.5, 0.3, 0.2, 0.1, 0.05)
LONGEST = 1 << 14  # bytes of a run's settings


def parser(prog: str) -> Parser:
    """The flags."""
    p = Parser(prog=prog, description=(__doc__ or "").split(": ", 1)[1])
    p.add_argument("--run", nargs="+", required=True, metavar="RUN", help="folders of runs or files of weights; the first is pruned")
    p.add_argument("--data", help="test images: a data set or a folder (default: those of the first run)")
    p.add_argument("--data-dir", metavar="DIR", help="folder that holds standard data sets")
    p.add_argument("--densities", nargs="+", type=number_from(0, 1), default=DENSITIES, metavar="X", help="default: 0.5 0.3 0.2 0.1 0.05")
    p.add_argument("--scope", choices=SCOPES, default="global", help="all weights are compared, or those of a layer")
    p.add_argument("--block", type=integer(1), default=1, metavar="N", help="neighbouring outputs that are left out together")
    p.add_argument("--keep", nargs="+", default=(), metavar="NAME", help="modules that are not pruned")
    p.add_argument("--batches", nargs="+", type=integer(1), default=(1, 8), metavar="N", help="images in a plan (default: 1 8)")
    p.add_argument("--rounds", type=integer(1), default=21, metavar="N", help="turns that each plan takes (default: 21)")
    p.add_argument("--tune", action="store_true", help="choose the kernel of each pruned layer by a trial, not by rules")
    p.add_argument("--threads", type=integer(1), default=1, metavar="N", help="threads of the C kernels (default: 1)")
    p.add_argument("--workers", type=integer(0), default=2, metavar="N", help="threads that prepare images (default: 2)")
    p.add_argument("--output", type=output_folder, metavar="DIR", help="results (default: runs/frontier-...)")
    return p


def output(flags: Namespace) -> Path:
    """The folder for results."""
    return Path(flags.output or f"runs/frontier-{file_name(Path(flags.run[0]).name)}")


def frontier(flags: Namespace, ranks: Communicator) -> None:
    """Measures and shows what the flags select; the processes share the test images."""
    models = [load(run) for run in flags.run]
    data = flags.data or _data_of(Path(flags.run[0]))
    dataset = open_dataset(data, "test", flags.data_dir)
    _check(models, dataset)
    how = {"scope": flags.scope, "block": flags.block, "keep": flags.keep}
    found = list(points(models, flags.densities, how))
    settings = {"data": data, "images": len(dataset), "densities": list(flags.densities)} | how
    settings |= {"batches": list(flags.batches), "rounds": flags.rounds, "threads": flags.threads, "tune": flags.tune}
    setting = Setting(output(flags), say=lambda text: print(f"  {text}", flush=True))
    kind = _kind(settings, found, dataset)
    agreed(ranks, "the folder", lambda: None if ranks.rank else opened(setting.folder, kind))
    rows = [tested(setting, point, f"{i} of {len(found)}", dataset, flags.workers, ranks) for i, point in enumerate(found, start=1)]
    if ranks.rank == 0:
        numbers = measured(setting, found, rows, settings)
        _write(setting.folder, numbers)
        print(f"\n{table(numbers)}\n\n{printable(setting.folder)}")
    ranks.gather("the figure", None)  # a process that left before would end all others


def tested(setting: Setting, point: Point, number: str, dataset: Any, workers: int, ranks: Communicator) -> Numbers:
    """The density and the accuracy of a point, which are kept when they are measured."""
    part = f"accuracy-{point.checksum}"
    setting.say(f"{number}: {printable(point.name)}")
    known = ranks.gather("what is known", setting.has(part))[0]
    found = {} if known else accuracy(point, dataset, workers, setting.say, ranks)
    result = setting.kept(part, lambda: found) if ranks.rank == 0 else found
    return {"name": point.name, "checksum": point.checksum, "in_one_step": point.name.endswith(" in one step")} | result


def measured(setting: Setting, found: Sequence[Point], rows: list[Numbers], settings: Numbers) -> Numbers:
    """All numbers; all times together are kept when they are measured."""
    setting.say(f"times, {settings['rounds']} turns of each")
    each = setting.once("times", lambda: times(found, settings["batches"], settings["rounds"], settings["tune"]))
    for row in rows:
        row["ms"] = {batch: by_checksum[row["checksum"]] for batch, by_checksum in each.items()}
    return {"settings": settings, "machine": machine(), "finished": now(), "points": rows}


def table(numbers: Numbers) -> str:
    """The points as text, with the settings below."""
    first, rows = numbers["points"][0], []
    batches = list(first["ms"])
    head = ("network", "density", "accuracy", "lost", *(part for batch in batches for part in (f"ms, batch {batch}", "/ first")))
    for p in numbers["points"]:
        ms = [(p["ms"][batch]["ms"], first["ms"][batch]["ms"]) for batch in batches]
        cells = [text for own, dense in ms for text in (f"{own:.3g}", f"{own / dense:.2f}")]
        rows.append((p["name"], f"{p['density']:.3g}", f"{p['accuracy']:.2%}", f"{100 * (first['accuracy'] - p['accuracy']):.2f}", *cells))
    s, m = numbers["settings"], numbers["machine"]
    said = f"{s['images']:,} test images of {printable(s['data'])}; lost: points of accuracy"
    time = "one thread, CPU time" if s["threads"] == 1 else f"{s['threads']} threads"
    timed = f"medians of {s['rounds']} turns, {time}{', tuned' * s['tune']}, {m['processor']}"
    return f"{aligned([head, *rows], right=tuple(range(1, len(head))))}\n\n{said}\n{timed}"


def _kind(settings: Numbers, found: Sequence[Point], dataset: Any) -> Kind:
    """What all results in one folder share: settings, networks and images."""
    networks = " ".join(point.checksum for point in found)
    return Kind(False, 0, f"a frontier with {json.dumps(settings)}, networks {networks}, images {dataset.fingerprint():08x}")


def _check(models: Sequence[TrainedModel], dataset: Any) -> None:
    """ValueError, naming the file, for a network of other classes or images than the data, or than the first."""
    for model in models:
        file, size, first = printable(model.path), model.preprocess.input_size, models[0].preprocess.input_size
        if model.classes != tuple(dataset.classes):
            raise ValueError(f"{file}: its classes are {listed(model.classes)}, expected those of the data: {listed(dataset.classes)}")
        if size != first:
            raise ValueError(f"{file}: takes images {size}, expected {first}, as the first network")


def _data_of(run: Path) -> str:
    """The images that a run was trained on; ValueError if it does not say."""
    file = run / "config.toml"
    if not file.is_file():
        raise ValueError(f"{printable(run)}: not the folder of a run, so it does not say what to test on: pass --data")
    with reading(file, "not the settings of a run"), open(file, "rb") as opened_file:
        data = tomllib.loads(up_to(opened_file, LONGEST).decode()).get("data")
        if not isinstance(data, str):
            raise ValueError(f"`data` is {data!r}, expected a name")
        return data


def _write(folder: Path, numbers: Numbers) -> None:
    """Writes frontier.json, and frontier.svg if matplotlib is installed."""
    with atomic_write(folder / "frontier.json") as file:
        file.write(json.dumps(numbers, indent=1).encode() + b"\n")
    try:
        figure = figures.new(4 * (1 + len(numbers["settings"]["batches"])), 3.6)
    except ImportError as error:
        print(f"no figure: {error}", file=sys.stderr)
        return
    draw(numbers, figure)
    figures.save(figure, folder / "frontier.svg", dpi=100)
