"""The program `python -m minigoog.inspection step`."""

import sys
from argparse import ArgumentParser, Namespace

import numpy as np

from ...reading import limited, reading
from .. import inputs
from ..trace.trace import Trace, trace
from .picture import picture
from .walk import Walk

LONGEST_SCRIPT = 1 << 20  # bytes
WHAT_NEXT = """What next: Enter goes to the next operation, `in` steps into a module,
`show` draws a channel, `explain 3 4 5` shows how one number was computed,
`backward` follows the gradients, `jump 12` goes to step 12, `help` lists all."""


def add_flags(p: ArgumentParser) -> None:
    """The flags of the program."""
    inputs.add_flags(p)
    p.add_argument("--script", metavar="FILE", help="commands from a file, a line each, instead of the keyboard (-: from standard input)")


def run(flags: Namespace) -> None:
    """Starts the walk that the flags describe; ValueError, naming the line, for a wrong command in a script."""
    lines = None if flags.script is None else _script(flags.script)
    sample = inputs.load_sample(flags)
    steps = trace(sample.model, sample.image, sample.label)
    walk = Walk(steps, sample.image, sample.classes, strict=lines is not None)
    walk.say(opening(sample, steps))
    if lines is None:
        walk.look()
        walk.cmdloop()
    else:
        _follow(walk, lines, flags.script)


def _script(path: str) -> list[str]:
    """The lines of a script."""
    if path == "-":
        return sys.stdin.read().splitlines()
    with reading(path, "not a script"), open(path, "rb") as file:
        return limited(file, LONGEST_SCRIPT).decode().splitlines()


def _follow(walk: Walk, lines: list[str], path: str) -> None:
    """Runs the commands of a script, each after a line that shows it; empty lines and comments are skipped."""
    walk.look()
    for number, line in enumerate(lines, start=1):
        if not line.partition("#")[0].strip():
            continue
        walk.say(f"\n> {line.strip()}")
        try:
            if walk.onecmd(line):
                return
        except ValueError as error:
            raise ValueError(f"{path}, line {number}, {line.strip()!r}: {error}") from None


def opening(sample: inputs.Sample, steps: Trace) -> str:
    """The first screen: image, network, predicted class, and what to do next."""
    logits = steps.logits.y
    chances = np.exp(logits[0] - logits[0].max(), dtype=np.float64)
    best = int(chances.argmax())
    verdict = f"Predicted: {sample.classes[best]} ({chances[best] / chances.sum():.1%})"
    passes = f"{len(steps.forward)} operations forward, {len(steps.backward)} back from the loss for {sample.classes[sample.label]}"
    return f"{picture(sample.image.mean(axis=2))}\n\n{sample.about}\n{verdict}. {passes}.\n\n{WHAT_NEXT}\n"
