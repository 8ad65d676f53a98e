"""The program `python -m minigoog.inspection lab`."""

from argparse import ArgumentParser, Namespace

from . import MISTAKES, mistake, report

WHAT_NEXT = """What next: `lab overwrite` shows only that one. With a result of your own, in Python:
    from minigoog.inspection import lab
    lab.LabTape(result, "overwrite").backward()"""


def add_flags(p: ArgumentParser) -> None:
    """The flags of the program."""
    names = ", ".join(each.name for each in MISTAKES)
    p.add_argument("mistakes", nargs="*", metavar="MISTAKE", help=f"some of {names} (default: all)")


def run(flags: Namespace) -> None:
    """Prints a report on each mistake that the flags name."""
    chosen = [mistake(name) for name in flags.mistakes] or MISTAKES
    print("\n\n\n".join([*map(report, chosen), WHAT_NEXT]))
