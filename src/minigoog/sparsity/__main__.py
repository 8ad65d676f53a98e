"""python -m minigoog.sparsity [NAME ...]: tests the paper's argument about sparsity.

Link by link, with numbers, into a report. Measurements are saved: the same
command resumes where it was stopped. Several processes may work in one
folder, those of mpiexec too.

  sparsity frontier --run RUN    accuracy of a network against density and time"""

import os
import sys
import zlib
from argparse import Namespace
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from ..cli import Parser, exit_codes, integer, output_folder, with_flags
from ..parallel import Communicator
from ..parallel.together import ending_all, sharing_work
from ..text import file_name, listed, printable
from .demonstrations import DEMONSTRATIONS
from .frontier import program as frontier
from .report import figures, report
from .runner.run import SETTINGS, Outcome, run

PROG = "python -m minigoog.sparsity"


def parser(prog: str = PROG) -> Parser:
    """The flags."""
    p = Parser(prog=prog, description=(__doc__ or "").split(": ", 1)[1])
    p.commands["frontier"] = frontier.parser(f"{prog} frontier")
    p.add_argument("names", nargs="*", metavar="NAME", help="demonstrations to run (default: all; --list names them)")
    p.add_argument("--list", action="store_true", help="lists the demonstrations and stops")
    p.add_argument("--quick", action="store_true", help="small samples, all of them in two minutes; the verdicts are not reliable")
    p.add_argument("--output", type=output_folder, metavar="DIR", help="results and report (default: runs/sparsity-...); resumes a run")
    p.add_argument("--images", metavar="FOLDER", help="photographs by class, FOLDER/train/CLASS and FOLDER/test/CLASS (default: digits)")
    p.add_argument("--seed", type=integer(0, 2**32 - 1), default=0, metavar="N", help="seed of all random numbers (default: 0)")
    p.add_argument("--seeds", type=integer(2, 1000), metavar="N", help="networks of each kind where accuracies are compared, with other "
                   "first weights (default: 2 to 5); a run with more keeps what one with fewer has trained")
    return p


def chosen(flags: Namespace) -> list[str]:
    """The names of the demonstrations to run, in the order of the paper's argument; ValueError for an unknown name."""
    unknown = [name for name in flags.names if name not in DEMONSTRATIONS]
    if unknown:
        raise ValueError(f"there is no demonstration {listed(unknown)}, expected some of {', '.join(DEMONSTRATIONS)}")
    names = [name for name in DEMONSTRATIONS if name in flags.names or not flags.names]
    if flags.seeds and not any(DEMONSTRATIONS[name].seeded for name in names):
        able = listed([name for name, d in DEMONSTRATIONS.items() if d.seeded])
        raise ValueError(f"--seeds is for demonstrations that compare accuracies, {able}; not for {listed(names)}")
    return names


def output(flags: Namespace) -> Path:
    """The folder for results: a different one for quick and full runs, each seed and each folder of images."""
    kind, images = "quick" if flags.quick else "full", _place(Path(flags.images)) if flags.images else "digits"
    return Path(flags.output or f"runs/sparsity-{kind}-{images}-seed{flags.seed}")


def _place(images: Path) -> str:
    """The name of a folder of images, and a checksum of where it is: others may have the same name."""
    path = images.expanduser().resolve()
    return f"{file_name(path.name)}-{zlib.crc32(os.fsencode(path)):08x}"


def command(flags: Namespace, seeds: int | None, names: Sequence[str] = ()) -> str:
    """The command that runs or resumes these demonstrations, by default all, with these flags and so many seeds."""
    said = {"--quick": flags.quick, "--output": flags.output, "--images": flags.images, "--seed": flags.seed, "--seeds": seeds}
    return str(report.command_of({flag: value for flag, value in said.items() if value}, names))


def repeating(flags: Namespace, outcomes: Sequence[Outcome], *names: str) -> str:
    """The command that made the numbers of these demonstrations, by default of all; one for each number of seeds that they have."""
    by_seeds: dict[int | None, list[str]] = {}
    for outcome in outcomes:
        d, has_run = outcome.demonstration, outcome.numbers or outcome.error
        if d.seeded and has_run and (not names or d.name in names):
            by_seeds.setdefault(outcome.seeds, []).append(d.name)
    if len(by_seeds) < 2:
        return command(flags, next(iter(by_seeds), None), names)
    return "\n".join([command(flags, None), *(command(flags, seeds, of_them) for seeds, of_them in by_seeds.items() if seeds)])


def show(flags: Namespace) -> int:
    """Runs what the flags select, on all processes of mpiexec; returns the exit code."""
    with sharing_work("sparsity") as ranks:
        return _show(flags, ranks)


def _show(flags: Namespace, ranks: Communicator) -> int:
    if flags.list:
        for d in DEMONSTRATIONS.values():
            print(f"{d.name:<14} {d.link}  {d.title}")
        return 0
    names, folder = chosen(flags), output(flags)
    images = Path(flags.images) if flags.images else None
    kind = {"quick": flags.quick, "seed": flags.seed, "seeds": flags.seeds, "images": images}
    outcomes = run(names, DEMONSTRATIONS, folder, **kind, say=_say, ranks=ranks)
    code = _reported(outcomes, folder, partial(repeating, flags, outcomes)) if ranks.rank == 0 else 0
    ranks.gather("the report", None)  # a process that left before would end all others
    return code


def _reported(outcomes: list[Outcome], folder: Path, again: report.Command) -> int:
    """Writes the report and prints the verdicts; returns the exit code."""
    not_drawn = report.write(outcomes, folder, again)
    for name, problem in not_drawn.items():
        print(f"figure {name} could not be drawn: {problem}", file=sys.stderr)
    print()
    for outcome in outcomes:
        print(f"{outcome.demonstration.link}  {outcome.demonstration.name:<14} {report.state(outcome)}")
    if not figures.available():
        print(report.NO_FIGURES)
    print(f"\n{printable(folder / report.NAME)}")
    return 1 if not_drawn or any(outcome.error for outcome in outcomes) else 0


def _say(line: str) -> None:
    print(line, flush=True)


def main(arguments: Sequence[str] | None = None, prog: str = PROG) -> None:
    """Exit codes: 0 done, 1 a demonstration failed, 2 wrong flags or files, 130 stopped."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    p = parser(prog)
    if given[:1] == ["frontier"]:
        return _frontier(p.commands["frontier"], given[1:])
    flags = p.parse_args(given)
    resumable = f"stopped; all measurements so far are saved. Resume with: {command(flags, flags.seeds, flags.names)}"
    reword = with_flags(output="--output", data="--images")
    with ending_all():
        with exit_codes(p, lambda: resumable if (output(flags) / SETTINGS).exists() else "stopped", reword):
            code = show(flags)
        sys.exit(code)


def _frontier(p: Parser, given: Sequence[str]) -> None:
    """The command `frontier`."""
    flags = p.parse_args(given)
    stopped = "stopped; what was measured is kept, and the same command resumes"
    with ending_all(), exit_codes(p, lambda: stopped, with_flags(output="--output")), sharing_work("sparsity", flags.threads) as ranks:
        frontier.frontier(flags, ranks)


if __name__ == "__main__":
    main()
