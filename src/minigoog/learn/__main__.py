"""python -m minigoog.learn: the exercises of the tour. You fill in a function, and it is judged.

  list             the exercises, and what you have reached
  start convolve   writes exercises/convolve.py, to fill in
  check            judges your answers, and says what is wrong with them
  hint convolve    a hint, each time a clearer one"""

import inspect
import re
import sys
from argparse import Namespace
from collections.abc import Sequence

from ..cli import Command, Parser, exit_codes, with_commands
from ..text import aligned, printable
from .answers import raised
from .exercise import Exercise, collection, named
from .judging import Verdict, faults_of, verdict
from .shelf import Shelf

PROG = "python -m minigoog.learn"


def add_flags(p: Parser) -> None:
    """The flags of every command."""
    p.add_argument("--folder", default="exercises", metavar="FOLDER", help="where your answers are (default: exercises)")
    p.add_argument("--exercises", metavar="FOLDER", help="a teacher's exercises (default: those of minigoog)")


def add_name(p: Parser) -> None:
    """The flags of a command for one exercise, or for the one that is next."""
    p.add_argument("name", nargs="?", metavar="NAME", help="of an exercise, or its number (default: the first one that is not right yet)")
    add_flags(p)


def add_names(p: Parser) -> None:
    """The flags of `check`."""
    p.add_argument("names", nargs="*", metavar="NAME", help="of exercises, or their numbers (default: all that were started)")
    add_flags(p)
    p.epilog = "exit codes: 0 all right, 1 something is not, 2 wrong flags or files"


def list_all(flags: Namespace) -> None:
    """Prints the exercises and the progress in each."""
    exercises, shelf = collection(flags.exercises), Shelf(flags.folder)
    rows = [["", "exercise", "", "chapter", "progress"]]
    for number, (name, exercise) in enumerate(exercises.items(), start=1):
        rows.append([str(number), name, exercise.title, str(exercise.chapter or ""), str(shelf.progress.get(name, ""))])
    print(aligned(rows, right={0, 3}))
    done = sum(shelf.progress[name].right for name in exercises if name in shelf.progress)
    following = "" if done == len(exercises) else f" Next: {_prog(flags)} start {_next(exercises, shelf).name}"
    print(f"\n{done} of {len(exercises)} are right.{following}")


def start(flags: Namespace) -> None:
    """Writes the file of an exercise and prints its task."""
    shelf, exercise = _chosen(flags)
    new = shelf.start(exercise)
    print(f"{exercise.signature}\n\n{exercise.task}\n")
    print(f"{printable(shelf.file(exercise))}: {'fill it in' if new else 'was there already'}, then: {_prog(flags)} check {exercise.name}")


def check(flags: Namespace) -> None:
    """Judges answers; exit code 1 if one is not right, 2 if a file cannot be run."""
    exercises, shelf = collection(flags.exercises), Shelf(flags.folder)
    asked = [_named(exercises, name) for name in flags.names] or [e for e in exercises.values() if shelf.file(e).exists()]
    if not asked:
        raise ValueError(f"{printable(shelf.folder)}: no answers yet; {_prog(flags)} start writes the first file")
    verdicts, unusable = [], None
    for exercise in asked:  # all of them, also after a wrong one
        try:
            verdicts.append(_is_right(exercise, shelf, flags))
        except ValueError as error:
            if unusable:
                print(unusable)
            unusable = error
    if unusable:
        raise unusable
    if not all(verdicts):
        sys.exit(1)


def _is_right(exercise: Exercise, shelf: Shelf, flags: Namespace) -> bool:
    """Judges one answer and prints the verdict; the progress is kept."""
    if not shelf.file(exercise).exists():
        raise ValueError(f"{printable(shelf.file(exercise))}: no such file; {_prog(flags)} start {exercise.name} writes it")
    progress = shelf.of(exercise.name)
    said = _verdict(exercise, shelf)
    progress.tries += 1
    progress.right = said.right
    shelf.keep()
    print(said)
    if said.number:
        where = f", {flags.exercises!r}" if flags.exercises else ""
        print(f"  to try that case: from minigoog.learn import case; {exercise.name}(**case({exercise.name!r}, {said.number}{where}))")
    return said.right


def _verdict(exercise: Exercise, shelf: Shelf) -> Verdict:
    """What the judge says about the learner's function, or about a file that ends the program before there is one."""
    try:
        return verdict(exercise, shelf.function(exercise))
    except SystemExit as error:
        said = f"Your file ends the program, so there is no function to ask.\n{raised(error, str(shelf.file(exercise)))}"
        return Verdict(exercise.name, False, said, ())


def hint(flags: Namespace) -> None:
    """Prints the hints so far and one more."""
    shelf, exercise = _chosen(flags)
    progress = shelf.of(exercise.name)
    progress.hints = min(progress.hints + 1, len(exercise.hints))
    shelf.keep()
    print("\n".join(f"{i}. {text}" for i, text in enumerate(exercise.hints[: progress.hints], start=1)) or "no hints")
    left = len(exercise.hints) - progress.hints
    print(f"\n({exercise.name}; {left} more)" if left else f"\n({exercise.name}; that was the last one)")


def solution(flags: Namespace) -> None:
    """Prints a right answer; ValueError if the teacher keeps it."""
    _, exercise = _chosen(flags)
    if exercise.secret:
        raise ValueError(f"the solution of {exercise.name} is not shown")
    source = inspect.getsource(exercise.solution)
    print(f"{exercise.given}\n\n")
    print(re.sub(r"\Adef .*?:\n", f"def {exercise.signature}:\n", source, count=1, flags=re.S), end="")


def verify(flags: Namespace) -> None:
    """For teachers: says which exercises are at fault; exit code 1 if one is."""
    found = {name: faults_of(exercise) for name, exercise in collection(flags.exercises).items()}
    for name, faults in found.items():
        print("\n  ".join([f"{name}: {'good' if not faults else 'at fault'}", *faults]))
    if any(found.values()):
        sys.exit(1)


def _chosen(flags: Namespace) -> tuple[Shelf, Exercise]:
    """The learner's folder and the exercise that the flags name."""
    exercises, shelf = collection(flags.exercises), Shelf(flags.folder)
    return shelf, _named(exercises, flags.name) if flags.name else _next(exercises, shelf)


def _named(exercises: dict[str, Exercise], name: str) -> Exercise:
    """The exercise of a name or a number, which counts from 1."""
    by_number = dict(enumerate(exercises, start=1))
    return named(exercises, by_number.get(int(name), name) if name.isdecimal() and len(name) < 9 else name.removesuffix(".py"))


def _next(exercises: dict[str, Exercise], shelf: Shelf) -> Exercise:
    """The first exercise that is not right yet; the first of all when everything is."""
    return next((e for name, e in exercises.items() if name not in shelf.progress or not shelf.progress[name].right),
                next(iter(exercises.values())))  # fmt: skip


def _prog(flags: Namespace) -> str:
    """How the program was called."""
    return str(flags.parser.prog.rpartition(" ")[0])


COMMANDS = {
    "list": Command("the exercises, and what you have reached", add_flags, list_all),
    "start": Command("prints a task and writes the file to fill in", add_name, start),
    "check": Command("judges your answers, and says what is wrong with them", add_names, check),
    "hint": Command("a hint for an exercise, each time a clearer one", add_name, hint),
    "solution": Command("a right answer", add_name, solution),
    "verify": Command("for teachers: are the solutions right, and does each mistake get its own message?", add_flags, verify),
}


def parser(prog: str = PROG) -> Parser:
    """The flags of all commands."""
    return with_commands(Parser(prog=prog, description=(__doc__ or "").split(": ", 1)[1]), COMMANDS)


def main(arguments: Sequence[str] | None = None, prog: str = PROG) -> None:
    """Exit codes: 0 done, 1 an answer is not right, 2 wrong flags or files, 130 stopped."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    flags = parser(prog).parse_args(given or ["list"])
    with exit_codes(flags.parser):
        COMMANDS[flags.command].run(flags)


if __name__ == "__main__":
    main()
