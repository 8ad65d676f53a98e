"""minigoog: all programs of this package under one name.

  minigoog classify cat.jpg --weights net.onnx
  minigoog train --tiny             learns handwritten digits, in seconds
  minigoog evaluate RUN --data X    tests what was trained
  minigoog inspect summary googlenet
  minigoog PROGRAM --help           the flags of a program"""

import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from . import __version__
from .cli import Parser, exit_codes
from .completion import SHELLS, script

PROGRAMS = {  # name: (package, description)
    "classify": ("classify", "names what is on photographs"),
    "train": ("train", "trains a network"),
    "evaluate": ("evaluate", "tests trained networks; learning curves"),
    "inspect": ("inspection", "looks into a network: summary, step, page, branches, diff, lab"),
    "detection": ("detection", "finds what is in pictures, and where"),
    "export": ("export", "writes a network for other systems: ONNX, PyTorch"),
    "learn": ("learn", "exercises of the tour: you write a function, it is judged"),
    "data": ("data", "checks a folder of images"),
    "parallel": ("parallel", "what training on many machines would cost"),
    "sparsity": ("sparsity", "tests the paper's argument about sparsity"),
}
COMPLETION = "prints a completion script: eval \"$(minigoog completion bash)\""


def module(name: str) -> Any:
    """The module of a program, imported only when it is used, so that --help and --version are fast."""
    return import_module(f".{PROGRAMS[name][0]}.__main__", __package__)


def parser(prog: str) -> Parser:
    """The flags before the name of a program."""
    lines = [f"  {name:<12} {does}" for name, (_, does) in PROGRAMS.items()] + [f"  {'completion':<12} {COMPLETION}"]
    p = Parser(prog=prog, usage=f"{prog} PROGRAM ...", description=__doc__, epilog="programs:\n" + "\n".join(lines))
    p.add_argument("--version", action="version", version=f"minigoog {__version__}")
    p.add_argument("program", metavar="PROGRAM", choices=[*PROGRAMS, "completion"], help="one of the programs below; its flags follow it")
    return p


def completion_parser(prog: str) -> Parser:
    """The flags of `completion`."""
    p = Parser(prog=f"{prog} completion", description=COMPLETION)
    p.add_argument("shell", choices=SHELLS)
    return p


def all_parsers(prog: str) -> Parser:
    """The parser with the programs, and their subcommands, as its `commands`."""
    p = parser(prog)
    p.commands = {name: module(name).parser(f"{prog} {name}") for name in PROGRAMS} | {"completion": completion_parser(prog)}
    return p


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs a program with the rest of the arguments; exit codes are those of the program, or 2 for wrong flags."""
    prog = "python -m minigoog" if Path(sys.argv[0]).resolve() == Path(__file__).resolve() else "minigoog"
    given = sys.argv[1:] if arguments is None else list(arguments)
    name = given[0] if given else ""
    with exit_codes(parser(prog)):  # of what programs do not catch themselves: Ctrl-C while they are imported
        if name in PROGRAMS:
            module(name).main(given[1:], f"{prog} {name}")
        elif name == "completion":
            print(script(completion_parser(prog).parse_args(given[1:]).shell, all_parsers("minigoog")))
        else:
            parser(prog).parse_args(given or ["--help"])


if __name__ == "__main__":
    main()
