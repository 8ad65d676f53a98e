"""python -m minigoog.detection COMMAND: what is in a picture, and where.

  propose PICTURE... --figure boxes.png  boxes that may hold an object
  propose --data VOC --split test        how well they cover the objects
  train --data VOC --weights W --out D   a detector of its classes
  detect D PICTURE... --drawn FOLDER     the objects in pictures
  page D PICTURE --output page.html      how it came to that, for a browser
  evaluate DETECTIONS --data VOC         average precision, by a rule
  evaluate D --data VOC --split test     the paper's comparison"""

from collections.abc import Sequence
from dataclasses import fields

from ..cli import Command, Parser, exit_codes, with_commands, with_flags
from .programs import detecting, evaluating, paging, proposing, training
from .rcnn.settings import Settings

PROG = "python -m minigoog.detection"
FLAGS = {field.name: f"--{field.name.replace('_', '-')}" for field in fields(Settings)}
SETTINGS = FLAGS | {"split": "--split", "pictures": "--images", "config": "--config"}  # whose errors come from below


COMMANDS = {
    "propose": Command("boxes that may hold an object, by selective search", proposing.add_flags, proposing.run),
    "train": Command("a detector for the classes of a data set, from the weights of a classifier", training.add_flags, training.run),
    "detect": Command("the objects in pictures, by what train wrote", detecting.add_flags, detecting.run),
    "page": Command("how a detector came to what it says about a picture, for a browser", paging.add_flags, paging.run),
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
