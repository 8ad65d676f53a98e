"""python -m minigoog.detection COMMAND: what is in a picture, and where.

  propose PICTURE... --figure boxes.png  boxes that may hold an object
  propose --data VOC --split test        how well they cover the objects
  evaluate DETECTIONS --data VOC         average precision, by a rule"""

from collections.abc import Sequence

from ..cli import Command, Parser, exit_codes, with_commands, with_flags
from .programs import evaluating, proposing

PROG = "python -m minigoog.detection"
SETTINGS = {name: f"--{name}" for name in ("split", "superpixels", "width")}  # whose errors come from below


COMMANDS = {
    "propose": Command("boxes that may hold an object, by selective search", proposing.add_flags, proposing.run),
    "evaluate": Command("average precision of detections, by one of the rules of the field", evaluating.add_flags, evaluating.run),
}


def parser(prog: str = PROG) -> Parser:
    """The flags of all commands."""
    return with_commands(Parser(prog=prog, description=(__doc__ or "").split(": ", 1)[1]), COMMANDS)


def main(arguments: Sequence[str] | None = None, prog: str = PROG) -> None:
    """Exit codes: 0 done, 1 too little memory, 2 wrong flags or files, 130 stopped."""
    flags = parser(prog).parse_args(arguments)
    with exit_codes(flags.parser, reword=with_flags(**SETTINGS)):
        COMMANDS[flags.command].run(flags)


if __name__ == "__main__":
    main()
