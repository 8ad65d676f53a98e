"""A walk through a trace in the terminal."""

import cmd
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...array_types import Array
from ...text import listed, shortened
from ..rules import input_names
from ..trace.receptive_field import ReceptiveField
from ..trace.step import Step
from ..trace.trace import Trace
from .bits import explained
from .picture import bars, picture
from .places import place
from .wrapping import terminal_width, wrapped

ALIASES = {
    "n": "next", "b": "back", "i": "in", "o": "out", "j": "jump", "l": "list", "s": "show", "e": "explain", "g": "gradient",
    "f": "forward", "r": "backward", "h": "help", "?": "help", "q": "quit", "EOF": "quit",
}  # fmt: skip


WORDS = """norm: the root of the sum of squares, so the length of all numbers as one vector
sees 5x5/2: a number depends on 5x5 pixels of the image, the next one on the
  5x5 pixels that are 2 further on"""


class Walk(cmd.Cmd):
    """Commands, one per line, that move through a Trace and look at it.

    The walk is in the module `inside` ("" is the whole network), at its part `here`, and its direction is "forward" or "backward".
    `strict`: a wrong command raises ValueError instead of printing what was wrong."""

    prompt = "\n> "

    def __init__(self, steps: Trace, image: Array, classes: Sequence[str] | None = None, strict: bool = False, **streams: Any) -> None:
        super().__init__(**streams)
        self.steps, self.image, self.classes, self.strict = steps, image, classes, strict  # image [h, w, c]
        self.direction, self.inside = "forward", ""
        self.here = self.parts()[0]

    # ---- where it is ----

    def parts(self) -> list[str]:
        """The names of the operations and modules directly in the one where the walk is, in the order in which they run."""
        prefix = f"{self.inside}." if self.inside else ""
        names = [step.name for step in self.walked() if step.name.startswith(prefix)]
        return list(dict.fromkeys(prefix + name[len(prefix) :].split(".")[0] for name in names))

    def walked(self) -> Trace:
        """The steps of the direction in which the walk goes."""
        return self.steps.forward if self.direction == "forward" else self.steps.backward

    def operations(self) -> Trace:
        """The steps of the operation or module here."""
        return self.walked()[self.here]

    def last(self) -> Step:
        """The step whose output is that of the operation or module here."""
        return self.operations()[-1 if self.direction == "forward" else 0]

    def look(self) -> None:
        """Prints where the walk is."""
        steps = self.operations()
        if len(steps) > 1 or steps[0].name != self.here:
            operations, them = ("operations", "them") if len(steps) > 1 else ("operation", "it")
            self.say(f"{self.here}: {len(steps)} {operations}, {self.direction}; `in` steps into {them}\n")
            self.tabulate(steps)
        else:
            self.say(description(steps[0], len(self.steps)))

    def say(self, text: object) -> None:
        """Prints a text, its lines as wide as the terminal at most."""
        self.stdout.write(f"{wrapped(str(text), terminal_width())}\n")

    def tabulate(self, steps: Trace) -> None:
        """Prints steps as a table with as many columns as there is room for."""
        self.say(steps.table(terminal_width()))

    # ---- moving ----

    def move(self, by: int) -> None:
        """Moves on by `by` parts, leaving modules at their ends."""
        parts = self.parts()
        at = parts.index(self.here) + by
        while not 0 <= at < len(parts):
            if not self.inside:
                raise ValueError(self.end(by))
            self.leave()
            parts = self.parts()
            at = parts.index(self.here) + by
        self.here = parts[at]
        self.look()

    def end(self, by: int) -> str:
        """The message at the first or last step."""
        if by < 0:
            return f"this is the first step {self.direction}"
        more = "`backward` follows the gradients back" if self.direction == "forward" else "`forward` starts at the image again"
        return f"that was the last step {self.direction}: {more}, `quit` leaves"

    def leave(self) -> None:
        """Goes to the module where the walk is."""
        self.here, self.inside = self.inside, self.inside.rpartition(".")[0]

    def do_next(self, _: str) -> None:
        """go to the next operation or module (or just Enter)"""
        self.move(1)

    def do_back(self, _: str) -> None:
        """go to the previous one"""
        self.move(-1)

    def do_in(self, _: str) -> None:
        """go into the module here, to its first operation"""
        if self.operations()[0].name == self.here:
            raise ValueError(f"{self.here} is an operation, not a module: use `explain` or `show` to look at its numbers")
        self.inside = self.here
        self.here = self.parts()[0]
        self.look()

    def do_out(self, _: str) -> None:
        """go out of the module"""
        if not self.inside:
            raise ValueError("this is already the whole network")
        self.leave()
        self.look()

    def do_jump(self, name: str) -> None:
        """NAME or NUMBER: go to an operation, a module, a step; Tab completes"""
        if name.isdecimal():
            name = self.numbered(int(name))
        try:
            self.walked()[name]
        except KeyError as error:
            raise ValueError(f"jump: {error.args[0].removeprefix('trace: ')}") from None
        name = name.replace("/", ".")
        self.inside, self.here = name.rpartition(".")[0], name
        self.look()

    def numbered(self, number: int) -> str:
        """The name of the step with this number, in whose direction the walk goes from now on."""
        if number >= len(self.steps):
            raise ValueError(f"jump: there is no step {number}, the last one is {len(self.steps) - 1}")
        self.direction = self.steps[number].direction
        return self.steps[number].name

    def complete_jump(self, text: str, line: str, begin: int, end: int) -> list[str]:
        names = {step.name for step in self.steps}
        names |= {name.rpartition(".")[0] for name in names}
        typed = line.partition(" ")[2].lstrip().replace("/", ".")
        return sorted(text + name[len(typed) :] for name in names if name and name.startswith(typed))

    complete_j = complete_jump

    def turn(self, direction: str) -> None:
        """Changes the direction, at the same place."""
        steps = self.steps.forward if direction == "forward" else self.steps.backward
        if not any(f"{step.name}.".startswith(f"{self.here}.") for step in steps):
            raise ValueError(f"{self.here} has no gradient")
        self.direction = direction
        self.look()

    def do_forward(self, _: str) -> None:
        """show the forward pass here: `next` goes towards the result"""
        self.turn("forward")

    def do_backward(self, _: str) -> None:
        """show the gradients here: `next` goes back towards the image"""
        self.turn("backward")

    # ---- looking ----

    def do_list(self, _: str) -> None:
        """list the operations of the module where the walk is"""
        self.tabulate(self.walked()[self.inside] if self.inside else self.walked())

    def do_show(self, channel: str) -> None:
        """[CHANNEL]: draw a channel of the output; backward, of its gradient"""
        step = self.last()
        forward = self.direction == "forward" or step.dy is None
        a, what = (step.output, "output") if forward or step.dy is None else (step.dy, "gradient of the output")
        if a.ndim < 2:
            self.say(f"{what} of {step.name}: {a}")
        elif a.ndim == 2:
            names = self.classes if self.classes and len(self.classes) == a.shape[1] else None
            self.say(f"{what} of {step.name}:\n{bars(a[0], names, np.asarray if forward else np.abs)}")
        else:
            c = place([channel], a.shape[-1:], "show", "bias")[0] if channel else int(np.abs(a[0]).sum(axis=(0, 1)).argmax())
            self.say(f"{what} of {step.name}, channel {c} of {a.shape[-1]}:\n{picture(a[0, ..., c])}")

    def do_image(self, _: str) -> None:
        """draw the image"""
        self.say(picture(self.image.mean(axis=2)))

    def do_explain(self, words: str) -> None:
        """ROW COLUMN CHANNEL (of a vector NUMBER): how it was computed"""
        step = self.last()
        index = place(words.split(), step.output_shape[1:] if step.output_shape else (), "explain")
        self.say(step.explain(*index).text(terminal_width()))
        if step.receptive_field and step.output.ndim == 4:
            rows, columns = step.receptive_field.window(index[-3], index[-2], self.image.shape[:2])
            seen = f"rows {rows.start} to {rows.stop - 1} and columns {columns.start} to {columns.stop - 1}"
            self.say(f"it can depend on {seen} of the image")

    def do_bits(self, words: str) -> None:
        """ROW COLUMN CHANNEL: the same in bytes: codes, scales, sum"""
        step = self.last()
        self.say(explained(step, place(words.split(), step.output_shape[1:], "bits")))

    def do_gradient(self, words: str) -> None:
        """[input|weight|bias] PLACE: how this number of a gradient came"""
        step = self.last()
        of, *rest = words.split() or [""]
        names = input_names(step.op)
        if of.isidentifier() and of not in names:
            raise ValueError(f"gradient: {step.name} has no {shortened(of, 80)!r}, expected {listed(names)}")
        if of not in names:
            of, rest = names[0], words.split()
        shape = step.input_shapes[names.index(of)]
        index = place(rest, shape if names.index(of) else shape[1:], "gradient", of)
        self.say(step.explain_gradient(*index, of=of).text(terminal_width()))

    # ---- other commands ----

    def do_help(self, _: str) -> None:
        """show this list"""
        short = {name: letter for letter, name in reversed(ALIASES.items())}
        commands = [name.removeprefix("do_") for name in vars(Walk) if name.startswith("do_")]
        self.say("\n".join(f"{short.get(name, ' '):<2} {name:<9} {getattr(self, f'do_{name}').__doc__}" for name in commands))
        self.say(f"\n{WORDS}")

    def do_quit(self, _: str) -> bool:
        """leave"""
        return True

    def emptyline(self) -> bool:
        self.do_next("")
        return False

    def default(self, line: str) -> None:
        raise ValueError(f"unknown command {line.split()[0]!r}: `help` lists all")

    def cmdloop(self, intro: Any | None = None) -> None:
        """Reads and runs commands until one ends the walk. In a terminal, Ctrl-C discards the line, or stops the command, as in a shell."""
        while True:
            try:
                return super().cmdloop(intro)
            except KeyboardInterrupt:
                if not self.stdin.isatty():
                    raise

    def onecmd(self, line: str) -> bool:
        """Runs one command, which may be its first letter; returns whether the walk is over."""
        word, _, rest = line.partition("#")[0].strip().partition(" ")
        try:
            return super().onecmd(f"{ALIASES.get(word, word)} {rest}")
        except (ValueError, IndexError, RuntimeError) as error:
            if self.strict:
                raise ValueError(str(error)) from None
            self.say(error)
            return False



def description(step: Step, n_steps: int) -> str:
    """A step in a few lines."""
    head = f"{step.name} ({step.operation}), step {step.index} of 0 to {n_steps - 1}, {step.direction}"
    speed = f", {2 * step.multiply_adds / step.ms / 1e6:.1f} GFLOP/s" if step.multiply_adds else ""
    lines = [head, f"  {step.cells()[4]}    {step.cells()[3]}, {step.ms:.3f} ms{speed}"]
    if step.parameters or step.multiply_adds:
        lines.append(f"  {step.parameters:,} parameters, {step.multiply_adds:,} multiply-adds")
    if step.receptive_field and step.output.ndim == 4:
        lines.append(f"  each pixel sees {_seen(step.receptive_field)}")
    if step.direction == "forward":
        return "\n".join([*lines, f"  output: {_statistics(step.output)}"])
    names = [f"gradient of {name}" for name in ("output", *input_names(step.op))]
    gradients = zip(names, (step.dy, *(step.dxs or ())), strict=True)
    return "\n".join([*lines, *(f"  {name}: {_statistics(a)}" for name, a in gradients if a is not None)])


def _seen(field: ReceptiveField) -> str:
    """The part of the image that a pixel sees, as text."""
    if not field.is_known:
        return "possibly the whole image"
    height, width = field.size
    return f"{height:g}x{width:g} pixels of the image, with stride {field.stride[0]:g}"


def _statistics(a: Array) -> str:
    a = np.asarray(a)
    return f"{a.min():.4g} to {a.max():.4g}, mean {a.mean():.4g}, norm {np.linalg.norm(a):.4g}, {np.mean(a == 0):.0%} zeros"

