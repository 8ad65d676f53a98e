"""What all command-line programs share."""

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

BROKEN_PIPE = 141  # 128 + SIGPIPE: what a shell reports for a program whose output pipe was closed


class Parser(argparse.ArgumentParser):
    """An argparse parser that reports an error in one line and exits with 2.

    commands: parsers of further commands that are not argparse subcommands; shell completion reads them here."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter, **settings)
        self.commands: dict[str, Parser] = {}

    def error(self, message: str) -> NoReturn:
        """Ends the program with an error about a flag."""
        self.fail(f"{message} (see --help)")

    def fail(self, message: str) -> NoReturn:
        """Ends the program with any other error, such as a missing file."""
        print(f"{self.prog}: {message}", file=sys.stderr)
        sys.exit(2)


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


def out_of_memory(error: MemoryError) -> str:
    """What a MemoryError says; NumPy's names the size of the array."""
    return f"out of memory: {error}" if error.args else "out of memory"


def number(text: str) -> float:
    """An argparse type: a number."""
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a number, got {text!r}") from None


@contextmanager
def exit_codes(p: Parser, stopped: str = "stopped", reword: Callable[[str], str] = str) -> Iterator[None]:
    """Within a with-block, an error ends the program with a one-line message: exit code 2 for wrong flags or files, 130 for Ctrl-C.

    A closed output pipe (`| head`) ends it silently. stopped: the message for Ctrl-C. reword: changes the message of an error."""
    try:
        yield
        sys.stdout.flush()
    except KeyboardInterrupt:
        print(f"\n{stopped}", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes again when it exits
        sys.exit(BROKEN_PIPE)
    except MemoryError as error:
        print(f"{p.prog}: {out_of_memory(error)}", file=sys.stderr)
        sys.exit(1)
    except (OSError, ValueError, ImportError) as error:
        message = reword(_message(error))
        p.error(message) if "--" in message else p.fail(message)


def _message(error: Exception) -> str:
    """What an exception says; of a file that the system refused, "FILE: reason" instead of "[Errno 2] reason: 'FILE'"."""
    if isinstance(error, OSError) and error.filename and error.strerror:
        return f"{error.filename}: {error.strerror[0].lower()}{error.strerror[1:]}"
    return str(error)
