"""python -m minigoog.sparsity [NAME ...]: shows the paper's argument about sparsity with numbers, link by link, and writes a report.

What has been measured is kept: the same command goes on where it was stopped. Several processes may work in one folder."""

import argparse
import sys
from pathlib import Path

from ..cli import Parser
from .demonstrations import DEMONSTRATIONS
from .report import report
from .runner.run import run


def parser():
    """The flags."""
    p = Parser(prog="python -m minigoog.sparsity", description=__doc__.split(": ", 1)[1], allow_abbrev=False,
               formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("names", nargs="*", metavar="NAME", help="demonstrations to run (default: all; --list names them)")
    p.add_argument("--list", action="store_true", help="lists the demonstrations and stops")
    p.add_argument("--quick", action="store_true", help="all of them in two minutes, with small samples: no verdicts to rely on")
    p.add_argument("--output", metavar="DIR", help="results, figures and report (default: runs/sparsity-...); a run that is there goes on")
    p.add_argument("--images", metavar="FOLDER", help="photographs by class, FOLDER/train/CLASS and FOLDER/test/CLASS (default: digits)")
    p.add_argument("--seed", type=_seed, default=0, metavar="N", help="of all random numbers (default: 0)")
    return p


def _seed(text):
    """An argparse type: a whole number that is not negative."""
    try:
        value = int(text)
    except ValueError:
        value = -1
    if not 0 <= value < 2**32:
        raise argparse.ArgumentTypeError(f"{text!r} came, expected a whole number from 0 to 2^32 - 1")
    return value


def chosen(flags, error):
    """The names of the demonstrations to run, in the order of the argument."""
    unknown = [name for name in flags.names if name not in DEMONSTRATIONS]
    if unknown:
        error(f"there is no demonstration {', '.join(unknown)}, expected some of {', '.join(DEMONSTRATIONS)}")
    return [name for name in DEMONSTRATIONS if name in flags.names or not flags.names]


def output(flags):
    """Where results go; quick and full runs, seeds and images each have a folder of their own."""
    kind, images = "quick" if flags.quick else "full", Path(flags.images).name if flags.images else "digits"
    return Path(flags.output or f"runs/sparsity-{kind}-{images}-seed{flags.seed}")


def command(flags):
    """The command that repeats the run or goes on with it, without the names of demonstrations."""
    said = {"--quick": flags.quick, "--output": flags.output, "--images": flags.images, "--seed": flags.seed}
    return report.command_of({flag: value for flag, value in said.items() if value})


def show(flags, error):
    """Does what the flags say; returns the exit code."""
    if flags.list:
        for d in DEMONSTRATIONS.values():
            print(f"{d.name:<14} {d.link}  {d.title}")
        return 0
    names, folder = chosen(flags, error), output(flags)
    images = Path(flags.images) if flags.images else None
    outcomes = run(names, DEMONSTRATIONS, folder, quick=flags.quick, seed=flags.seed, images=images, say=_say)
    not_drawn = report.write(outcomes, folder, command(flags))
    for name, problem in not_drawn.items():
        print(f"figure {name} could not be drawn: {problem}", file=sys.stderr)
    print()
    for outcome in outcomes:
        print(f"{outcome.demonstration.link}  {outcome.demonstration.name:<14} {report.state(outcome)}")
    if not report.figures.available():
        print(report.NO_FIGURES)
    print(f"\n{folder / report.NAME}")
    return 1 if not_drawn or any(outcome.error for outcome in outcomes) else 0


def _say(line):
    print(line, flush=True)


def main():
    """Exit codes: 0 done, 1 a demonstration failed, 2 wrong flags or files, 130 stopped."""
    p = parser()
    flags = p.parse_args()
    try:
        sys.exit(show(flags, p.error))
    except KeyboardInterrupt:
        names = "".join(f" {name}" for name in flags.names)
        print(f"\nstopped; what is measured is kept. Go on with: {command(flags)}{names}", file=sys.stderr)
        sys.exit(130)
    except (OSError, ValueError, ImportError) as error:
        message = str(error).removeprefix("sparsity: ").removeprefix("open_dataset: ")
        p.error(message.replace("`output`", "--output").replace("`data`", "--images"))


if __name__ == "__main__":
    main()
