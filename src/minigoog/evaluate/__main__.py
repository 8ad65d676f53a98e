"""python -m minigoog.evaluate RUN_OR_WEIGHTS... --data NAME_OR_PATH: tests trained networks the paper's way.

  evaluate RUN --data cifar10 --crops 10        probabilities averaged over ten crops of each image
  evaluate RUN RUN RUN --data cifar10 --table   one model and all of them, 1 and 10 crops, as in the paper's Table 3; an ensemble
                                                that train --models made is one RUN
  evaluate curves RUN... --output curves.png    learning curves of one or several runs"""

import argparse
import json
import sys

from .. import kernels
from ..cli import Parser
from ..data import open_dataset
from ..files import atomic_write
from ..formats import saved_model
from ..metrics import confusion_matrix
from ..text import confusion_text
from . import curves
from .crops import CROPS
from .predict import load
from .subset import subset
from .table import table_3, table_text

SHOWN = 20  # classes of which a confusion matrix is printed


def whole(text):
    """An argparse type: a whole number of at least 1."""
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text!r} came, expected a whole number of at least 1")
    return number


def parser():
    """The flags of the main program."""
    p = Parser(prog="python -m minigoog.evaluate", description=__doc__.split(": ", 1)[1], allow_abbrev=False,
               formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("runs", nargs="+", metavar="RUN_OR_WEIGHTS", help="folders of runs, or files of weights; several are an ensemble")
    p.add_argument("--data", required=True, help="digits, mnist, fashion-mnist, cifar10, cifar100, or a folder of images; its test part")
    p.add_argument("--data-dir", help="folder where standard data sets lie")
    p.add_argument("--crops", type=int, choices=CROPS, action="append", help="crops of each image (default: 1); may be said again")
    p.add_argument("--table", action="store_true", help="the first model and all of them, each number of crops (default: 1 and 10)")
    p.add_argument("--top", type=whole, default=5, metavar="K", help="also the top-K error (default: 5)")
    p.add_argument("--images", type=whole, metavar="N", help="only N test images, evenly spaced")
    p.add_argument("--threads", type=whole, help="of the C kernels")
    p.add_argument("--workers", type=whole, default=2, help="threads that prepare crops (default: 2)")
    p.add_argument("--json", metavar="FILE", help="writes the results to a file too")
    return p


def check_together(members, dataset):
    """Raises unless all networks tell the data's classes, from the same kind of image, apart."""
    first = members[0]
    for other in members[1:]:
        if other.info.classes != first.info.classes:
            raise ValueError(f"{other.path}: its classes are not those of {first.path}")
    if first.info.classes != tuple(dataset.classes):
        raise ValueError(f"{first.path}: knows the classes {', '.join(first.info.classes)}; the data have {', '.join(dataset.classes)}")
    channels = dataset[0][0].shape[2]
    for member in members:
        if member.info.input_size[2] != channels:
            raise ValueError(f"{member.path}: sees images of {member.info.input_size[2]} channels; the data have {channels}")


def evaluate(flags):
    """Prints what the flags ask for."""
    if flags.threads:
        kernels.set_num_threads(flags.threads)
    members = [load(member) for run in flags.runs for member in saved_model.members(run)]
    dataset = open_dataset(flags.data, "test", flags.data_dir)
    dataset = subset(dataset, flags.images) if flags.images else dataset
    check_together(members, dataset)
    k = min(flags.top, len(dataset.classes))
    n_crops = sorted(set(flags.crops or ([1, 10] if flags.table else [1])))
    print(f"{len(members)} model{'s' * (len(members) > 1)}, {len(dataset):,} test images of {flags.data}\n")
    rows, mean = table_3(members, dataset, n_crops, k, workers=flags.workers)
    rows = rows if flags.table else rows[-len(n_crops) :]
    print(table_text(rows, k))
    confusion = confusion_matrix(mean.argmax(axis=1), dataset.labels, len(dataset.classes))
    if len(dataset.classes) <= SHOWN:
        print(f"\n{confusion_text(confusion, dataset.classes)}")
    if flags.json:
        with atomic_write(flags.json) as file:
            facts = {"runs": flags.runs, "data": flags.data, "images": len(dataset), "k": k, "rows": [row._asdict() for row in rows]}
            file.write(json.dumps(facts | {"confusion": confusion.tolist()}, indent=2).encode() + b"\n")


def curves_main(arguments):
    """The subcommand `curves`."""
    p = Parser(prog="python -m minigoog.evaluate curves", description="learning curves of one or several runs", allow_abbrev=False)
    p.add_argument("runs", nargs="+", metavar="RUN", help="folders of runs")
    p.add_argument("--output", metavar="FILE", help="a picture (png, svg, pdf) to draw; needs matplotlib")

    def action(flags):
        runs = [member for run in flags.runs for member in saved_model.members(run)]
        print(curves.summary(runs))
        if flags.output:
            curves.draw(runs, flags.output)

    return p, action


def main():
    """Exit codes: 0 done, 2 wrong flags or files, 130 stopped."""
    if sys.argv[1:2] == ["curves"]:
        p, action = curves_main(sys.argv)
        arguments = sys.argv[2:]
    else:
        p, action, arguments = parser(), evaluate, sys.argv[1:]
    try:
        action(p.parse_args(arguments))
    except KeyboardInterrupt:
        print("\nstopped", file=sys.stderr)
        sys.exit(130)
    except (OSError, ValueError, ImportError) as error:
        p.error(str(error))


if __name__ == "__main__":
    main()
