"""python -m minigoog.evaluate RUN_OR_WEIGHTS... --data NAME_OR_PATH: tests trained networks as the paper did.

  evaluate RUN --data cifar10 --crops 10      means over ten crops of an image
  evaluate RUN RUN --data cifar10 --table     one and all (the paper's Table 3)
  evaluate curves RUN... --output curves.png  learning curves"""

import json
import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .. import curves, figures
from ..cli import Parser, check_outputs, exit_codes, integer, output_file, with_flags
from ..data import open_dataset
from ..data.verify import skipped_lines
from ..files import atomic_write
from ..formats import saved_model
from ..loading import TrainedModel
from ..loading import flags as weights
from ..metrics import confusion_matrix
from ..parallel import Communicator
from ..parallel.together import ending_all, sharing_work
from ..reading import known_kind
from ..text import confusion_text, listed, printable, shell_word
from . import mistakes
from .by_class import by_class, by_class_text
from .crops import CROPS
from .mistakes import predictions
from .subset import subset
from .table import table_3, table_text

PROG = "python -m minigoog.evaluate"
SHOWN = 20  # classes: a confusion matrix of more is not printed


def parser(prog: str = PROG) -> Parser:
    """The flags of the main program; `commands` holds those of `curves`."""
    p = Parser(prog=prog, usage=f"{prog} RUN_OR_WEIGHTS... --data DATA [flags]", description=(__doc__ or "").split(": ", 1)[1])
    p.commands["curves"] = _curves_parser(prog)
    p.add_argument("runs", nargs="+", metavar="RUN_OR_WEIGHTS", help="folder of a run or file of weights; several: an ensemble")
    how = p.add_argument_group("data, method and output")
    how.add_argument("--data", help="digits, mnist, cifar10, ... or a folder of images")
    how.add_argument("--data-dir", metavar="DIR", help="folder that holds standard data sets")
    how.add_argument("--skip-damaged", action="store_true", help="leave out images that cannot be decoded, and list them")
    how.add_argument("--images", type=integer(1), metavar="N", help="only N test images, evenly spaced")
    how.add_argument("--crops", type=integer(1), choices=CROPS, action="append", help="crops of each image (default: 1); repeatable")
    how.add_argument("--threads", type=integer(1), metavar="N", help="threads of the C kernels (default: all cores)")
    how.add_argument("--workers", type=integer(1), default=2, metavar="N", help="threads that prepare crops (default: 2)")
    how.add_argument("--batch-invariant", action="store_true", help="an image's result has the same bits in any batch; slower")
    weights.add_brief_flags(how)
    how.add_argument("--table", action="store_true", help="one model and all, each number of --crops (1, 10)")
    how.add_argument("--top", type=integer(1), default=5, metavar="K", help="also the top-K error (default: 5)")
    how.add_argument("--json", type=output_file, metavar="FILE", help="also writes all results, each image's too")
    sheet = "draws the surest mistakes (png, pdf)"
    how.add_argument("--mistakes", type=figures.output, metavar="FILE", help=sheet)
    return p


def _curves_parser(prog: str) -> Parser:
    p = Parser(prog=f"{prog} curves", description="learning curves of one or several runs")
    p.add_argument("runs", nargs="+", metavar="RUN", help="folders of runs")
    p.add_argument("--output", type=figures.output, metavar="FILE", help="draw the curves to a file (png, svg, pdf); needs matplotlib")
    return p


def check_together(members: Sequence[TrainedModel], dataset: Any) -> None:
    """Raises ValueError unless all networks have the classes and the channels of the data."""
    first = members[0]
    for other in members[1:]:
        if other.classes != first.classes:
            raise ValueError(f"{other.path}: its classes are not those of {first.path}")
    if first.classes != tuple(dataset.classes):
        raise ValueError(f"{first.path}: its classes are {listed(first.classes)}; those of the data are {listed(dataset.classes)}")
    channels = dataset[0][0].shape[2]
    for member in members:
        if member.info.input_size[2] != channels:
            raise ValueError(f"{member.path}: takes images of {member.info.input_size[2]} channels; the data have {channels}")


def _runs(given: str) -> list[Path]:
    """The runs that an argument means; ValueError, saying what to do instead, for an image."""
    if Path(given).is_file():
        with open(given, "rb") as file:
            if known_kind(file.read(16)).endswith("image"):
                instead = f"python -m minigoog.classify {shell_word(given)} --weights RUN"
                raise ValueError(f"{given}: an image, expected the folder of a run or a file of weights; to classify it: {instead}")
    return saved_model.members(given)


def evaluate(flags: Namespace) -> None:
    """Prints the results that the flags select; the processes of mpiexec share the images."""
    with sharing_work("evaluate", flags.threads) as ranks:
        _evaluate(flags, ranks)


def _evaluate(flags: Namespace, ranks: Communicator) -> None:
    members = [weights.load_with(flags, str(member)) for run in flags.runs for member in _runs(run)]
    if flags.data is None:
        raise ValueError("nothing to test on: pass --data with the name of a data set or a folder of images")
    whole = open_dataset(flags.data, "test", flags.data_dir, skip_damaged=flags.skip_damaged)
    check_outputs(flags, getattr(whole, "paths", ()))
    dataset = subset(whole, flags.images) if flags.images else whole
    check_together(members, dataset)
    k = min(flags.top, len(dataset.classes))
    n_crops = sorted(set(flags.crops or ([1, 10] if flags.table else [1])))
    print(f"{len(members)} model{'s' * (len(members) > 1)}, {len(dataset):,} test images of {printable(flags.data)}")
    print("".join(f"{printable(flags.data)}: {note}\n" for note in whole.notes))
    rows, mean = table_3(members, dataset, n_crops, k, workers=flags.workers, batch_invariant=flags.batch_invariant, ranks=ranks)
    if ranks.rank:
        return
    rows = rows if flags.table else rows[-len(n_crops) :]
    print(table_text(rows, k))
    confusion = confusion_matrix(mean.argmax(axis=1), dataset.labels, len(dataset.classes))
    classes, found = by_class(confusion, dataset.classes), predictions(dataset, mean)
    if len(dataset.classes) <= SHOWN:
        print(f"\n{confusion_text(confusion, dataset.classes)}")
    print(f"\n{by_class_text(classes)}")
    if flags.mistakes:
        mistakes.draw(whole, mistakes.worst(found), flags.mistakes)
    if flags.skip_damaged:
        print("\n" + "\n".join(skipped_lines(whole.skipped)))
    if flags.json:
        facts = {"runs": flags.runs, "data": flags.data, "images": len(dataset), "k": k, "skipped": list(map(str, whole.skipped))}
        facts |= {"rows": rows, "confusion": confusion.tolist(), "classes": classes, "predictions": found}
        _write_json(flags.json, facts)


def _write_json(path: str, facts: dict[str, Any]) -> None:
    """Writes facts, and lists of named tuples as objects."""
    facts = {name: [each._asdict() if hasattr(each, "_asdict") else each for each in value] if isinstance(value, list) else value
             for name, value in facts.items()}  # fmt: skip
    with atomic_write(path) as file:
        file.write(json.dumps(facts, indent=2).encode() + b"\n")


def draw_curves(flags: Namespace) -> None:
    """The subcommand `curves`: a table, and a figure with --output."""
    runs = [member for run in flags.runs for member in saved_model.members(run)]
    print(curves.summary(runs))
    if flags.output:
        curves.draw(runs, flags.output)


def main(arguments: Sequence[str] | None = None, prog: str = PROG) -> None:
    """Exit codes: 0 done, 2 wrong flags or files, 130 stopped."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    p, action = parser(prog), evaluate
    if given[:1] == ["curves"]:
        p, action, given = p.commands["curves"], draw_curves, given[1:]
    flags = p.parse_args(given)
    with ending_all(), exit_codes(p, reword=with_flags(data="--data")):
        action(flags)


if __name__ == "__main__":
    main()
