"""What all command-line programs share."""

import argparse
import os
import re
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from typing import Any, NamedTuple, NoReturn, TextIO, cast

from . import interrupts
from .files import check_folder, check_output_name, check_unread, check_writable, error_text
from .text import printable, shortened

BROKEN_PIPE = 141  # 128 + SIGPIPE: what a shell reports for a program whose output pipe was closed
LONGEST = 1000  # characters of an error message
FLAG = re.compile(r"(^|: pass )--[a-z]")  # how an error about a flag begins; others may mention one that helps

FUNCTION = re.compile(r"^(open_dataset|selective_search|train|sparsity): ")  # what programs call: users of a program do not know them


class Parser(argparse.ArgumentParser):
    """An argparse parser that reports an error in one line and exits with 2.

    commands: parsers of further commands that are not argparse subcommands; shell completion reads them here."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter, **settings)
        self.commands: dict[str, Parser] = {}

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """The flags; a file that one of them writes and another reads is an error."""
        flags = super().parse_args(args, namespace)
        try:
            check_outputs(flags, _texts(flags))
        except OSError as error:
            getattr(flags, "parser", self).fail(error_text(error))
        return flags

    def error(self, message: str) -> NoReturn:
        """Ends the program with an error about a flag."""
        self.fail(f"{shortened(message, LONGEST - 20)} (see --help)")

    def fail(self, message: str) -> NoReturn:
        """Ends the program with any other error, such as a missing file."""
        print(f"{self.prog}: " + "\n".join(printable(line) for line in shortened(message, LONGEST).split("\n")), file=sys.stderr)
        sys.exit(2)


class Command(NamedTuple):
    """A command of a program: its description, its flags, and the function that runs it."""

    does: str
    add_flags: Callable[[Parser], None]
    run: Callable[[argparse.Namespace], None]


def with_commands(p: Parser, commands: Mapping[str, Command]) -> Parser:
    """`p` with {name: command}; parsed flags have the name as `command` and the command's own parser as `parser`."""
    parsers = p.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, command in commands.items():
        below = parsers.add_parser(name, help=command.does, description=command.does)
        below.set_defaults(parser=below)
        command.add_flags(below)
    return p


def integer(minimum: int | None = None, maximum: int | None = None) -> Callable[[str], int]:
    """An argparse type: an integer, from `minimum` to `maximum` where these are given."""
    limits = "" if minimum is None else f" of at least {minimum}" if maximum is None else f" from {minimum} to {maximum}"

    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = None
        if value is None or (minimum is not None and value < minimum) or (maximum is not None and value > maximum):
            raise argparse.ArgumentTypeError(f"expected an integer{limits}, got {text!r}")
        return value

    return parse


def number(text: str) -> float:
    """An argparse type: a number, which may be NaN: for settings that check it themselves."""
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a number, got {text!r}") from None


def number_from(minimum: float, maximum: float) -> Callable[[str], float]:
    """An argparse type: a number from `minimum` to `maximum`."""

    def parse(text: str) -> float:
        value = number(text)
        if not minimum <= value <= maximum:  # NaN is neither
            raise argparse.ArgumentTypeError(f"expected a number from {minimum:g} to {maximum:g}, got {text!r}")
        return value

    return parse


class Suggested(tuple[str, ...]):
    """An argparse type: any text; shell completion suggests these."""

    def __call__(self, text: str) -> str:
        return text


class Output(str):
    """The name of a file that a program writes."""


def output_file(text: str) -> Output:
    """An argparse type: a file that can be written to, checked before any work. Every flag of a file that a program writes has it."""
    return Output(_checked(check_writable, text))


def output_folder(text: str) -> str:
    """An argparse type: a folder that can be written to, or made; checked before any work."""
    return _checked(check_folder, text)


def _checked(check: Callable[[str], None], text: str) -> str:
    try:
        check_output_name(text)
        check(text)
    except (OSError, ValueError) as error:
        raise argparse.ArgumentTypeError(error_text(error)) from None
    return text


def check_outputs(flags: argparse.Namespace, read: Iterable[str | os.PathLike[str]]) -> None:
    """OSError, naming it, if a file that the flags have written is one of those that are read.

    Files that are named by flags are checked when these are parsed; a program checks those that it finds in folders."""
    check_unread([value for value in vars(flags).values() if isinstance(value, Output)], read)


def _texts(flags: argparse.Namespace) -> Iterator[str]:
    """All texts that were given and name no output: files among them are read."""
    for value in vars(flags).values():
        for each in value if isinstance(value, (list, tuple)) else [value]:
            if isinstance(each, str) and not isinstance(each, Output):
                yield each


@contextmanager
def _ctrl_c_raises() -> Iterator[None]:
    """Within a with-block, Ctrl-C raises KeyboardInterrupt as usual, also after `interrupts.end_silently`."""
    if signal.getsignal(signal.SIGINT) is not interrupts.end:
        yield
        return
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        yield
    finally:
        signal.signal(signal.SIGINT, interrupts.end)


class _Output:
    """Standard output whose errors name it, and which may be closed."""

    def __init__(self) -> None:
        self.file = sys.stdout or open(os.devnull, "w")  # noqa: SIM115
        if hasattr(self.file, "reconfigure"):
            self.file.reconfigure(errors="backslashreplace")  # a terminal may lack characters of a class's or file's name

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)

    def write(self, text: str) -> int:
        with _naming_output():
            return self.file.write(text)

    def flush(self) -> None:
        with _naming_output():
            self.file.flush()


@contextmanager
def _naming_output() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror, "standard output") from None


def with_flags(**flags: str) -> Callable[[str], str]:
    """Rewords the message of an error about a setting: without the name of a function, and with the flag in place of the setting.

    flags: the flag of each setting, such as batch_size="--batch-size"."""

    def reword(message: str) -> str:
        return re.sub(r"`(\w+)`", lambda name: flags.get(name[1], name[0]), FUNCTION.sub("", message))

    return reword


@contextmanager
def exit_codes(p: Parser, stopped: Callable[[], str] = lambda: "stopped", reword: Callable[[str], str] = str) -> Iterator[None]:
    """Within a with-block, an error ends the program with a one-line message. Exit codes: 1 too little memory, 2 wrong flags or files,
    130 Ctrl-C.

    A closed output pipe (`| head`) ends it silently. stopped: gives the message for Ctrl-C, unless the KeyboardInterrupt has its own.
    reword: changes the message of an error."""
    try:
        with _ctrl_c_raises(), redirect_stdout(cast(TextIO, _Output())):
            yield
            sys.stdout.flush()
    except KeyboardInterrupt as stop:
        print(f"\n{stop if stop.args else stopped()}", file=sys.stderr)
        sys.exit(interrupts.STOPPED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes again when it exits
        sys.exit(BROKEN_PIPE)
    except MemoryError as error:
        print(f"{p.prog}: {error_text(error)}", file=sys.stderr)
        sys.exit(1)
    except (OSError, ValueError, ImportError) as error:
        message = reword(error_text(error))
        p.error(message) if FLAG.search(message) else p.fail(message)
