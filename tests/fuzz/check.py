"""One input after the other: made, read, and judged."""

import os
import random
import resource
import shutil
import signal
import tempfile
import warnings
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from . import mutate
from .readers import READERS, Reader

CORPUS = Path(__file__).parent / "corpus"
SECONDS = 5.0  # of processor time for one input
LONGEST = 1000  # characters of a message, without the file's name
OWN_FAULTS = (NameError, AssertionError, ImportError, Warning, MemoryError)  # which no file should cause, not even behind a DamagedFile


def memory() -> str | None:
    """A folder in memory, if there is one."""
    return "/dev/shm" if os.path.isdir("/dev/shm") else None


class Hang(BaseException):
    """An input took longer than SECONDS."""


def seeds(name: str) -> list[bytes]:
    """The files of a reader in the corpus."""
    return [path.read_bytes() for path in sorted((CORPUS / name).iterdir())]


def made(name: str, of_reader: list[bytes], seed: int, number: int) -> bytes:
    """The input of this number: the files of the corpus first, then changed ones."""
    r = random.Random(f"{seed} {name} {number}")
    return mutate.change(r.choice(of_reader), of_reader, r)


def fault(reader: Reader, path: Path) -> tuple[str, str]:
    """(what is wrong with how the reader takes the file: nothing if it is read, or refused as it should be; what the reader said)."""
    try:
        with time_limit():
            reader.read(path)
    except reader.errors as error:
        return _fault_of(error, reader, path), str(error)
    except Hang:
        return f"took more than {SECONDS:g} s", ""
    except Exception as error:
        return f"raised {type(error).__name__}: {str(error)[:200]}", ""
    return "", ""


def _fault_of(error: Exception, reader: Reader, path: Path) -> str:
    """What is wrong with the error that refuses a file."""
    text = str(error)
    if type(error) not in reader.errors:
        return f"raised {type(error).__name__}, a subclass: {text[:200]}"
    if isinstance(error.__cause__, OWN_FAULTS):
        return f"hides {type(error.__cause__).__name__}: {text[:200]}"
    if str(path) not in text and str(path.parent) not in text and not (reader.named and text.startswith(reader.named)):
        return f"does not name the file: {text[:200]}"
    if len(text.replace(str(path), "")) > LONGEST or not text.isprintable():
        return f"says too much, or what cannot be printed: {text[:200]!r}"
    return ""


@contextmanager
def time_limit() -> Iterator[None]:
    """Within a with-block, more than SECONDS of the processor's time raise Hang."""
    signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)


def _hang(*_: Any) -> None:
    raise Hang


class Checker:
    """Reads inputs in a folder of its own, each within the reader's memory."""

    def __init__(self, names: list[str], seed: int, within: Path | None = None) -> None:
        self.names, self.seed, self.said = names, seed, ""  # what the last reader said
        self.folder = Path(tempfile.mkdtemp(prefix="fuzz-", dir=within or memory()))
        weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)
        self.seeds = {name: seeds(name) for name in names}
        self.paths = {name: self.folder / name / READERS[name].file for name in names}
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", module="PIL")
        signal.signal(signal.SIGVTALRM, _hang)
        for name, path in self.paths.items():
            path.parent.mkdir()
            self._read(name, self.seeds[name][0])  # what this imports is not counted as memory of an input

    def check(self, number: int) -> tuple[str, str, bytes]:
        """(reader, fault, input) of the input of this number; no fault: the empty string."""
        name = self.names[number % len(self.names)]
        data = made(name, self.seeds[name], self.seed, number)
        return name, self.limited(name, data), data

    def limited(self, name: str, data: bytes) -> str:
        """The fault of a reader with this file, if any."""
        reader, (_, hard) = READERS[name], resource.getrlimit(resource.RLIMIT_AS)
        before = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (before + reader.memory + 10 * len(data), hard))
        try:
            return self._read(name, data)
        finally:
            resource.setrlimit(resource.RLIMIT_AS, (hard, hard))

    def _read(self, name: str, data: bytes) -> str:
        self.paths[name].write_bytes(data)
        found, self.said = fault(READERS[name], self.paths[name])
        return found
