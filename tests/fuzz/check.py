"""One input after the other: made, read, and judged."""

import gc
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
from typing import Any, NamedTuple

from . import mutate
from .readers import READERS, Reader

CORPUS = Path(__file__).parent / "corpus"
SECONDS = 5.0  # of processor time for one input
SMALL = 2048  # bytes of files that are chosen often, as each of their parts is then changed more often, and faster
LONGEST = 1000  # characters of a message, without the file's name
OWN_FAULTS = (NameError, AssertionError, ImportError, Warning, MemoryError)  # which no file should cause, not even behind a DamagedFile


def memory() -> str | None:
    """A folder in memory, if there is one."""
    return "/dev/shm" if os.path.isdir("/dev/shm") else None


class Hang(BaseException):
    """An input took longer than SECONDS."""


class Seeds(NamedTuple):
    """The files of a reader in the corpus: those up to SMALL bytes, and the others; all are in both if one of these is empty."""

    small: list[bytes]
    large: list[bytes]


def seeds(name: str) -> Seeds:
    every = [path.read_bytes() for path in sorted((CORPUS / name).iterdir())]
    small = [data for data in every if len(data) <= SMALL]
    return Seeds(small or every, [data for data in every if len(data) > SMALL] or every)


def made(name: str, of_reader: Seeds, seed: int, number: int) -> bytes:
    """The input of this number: a changed file of the corpus, a large one in 1 of 50."""
    r = random.Random(f"{seed} {name} {number}")
    chosen = of_reader.large if r.random() < 0.02 else of_reader.small
    return mutate.change(r.choice(chosen), of_reader.small if r.random() < 0.98 else of_reader.large, r)


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


def _end(folder: Path, opened: list[int]) -> None:
    for file in opened:
        os.close(file)
    shutil.rmtree(folder, ignore_errors=True)


class Checker:
    """Reads inputs in a folder of its own, each within the reader's memory."""

    def __init__(self, names: list[str], seed: int, within: Path | None = None) -> None:
        self.names, self.seed, self.said = names, seed, ""  # what the last reader said
        self.folder = Path(tempfile.mkdtemp(prefix="fuzz-", dir=within or memory()))
        self.seeds = {name: seeds(name) for name in names}
        self.paths = {name: self.folder / name / READERS[name].file for name in names}
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", module="PIL")
        signal.signal(signal.SIGVTALRM, _hang)
        for path in self.paths.values():
            path.parent.mkdir()
        self.files = {name: os.open(path, os.O_WRONLY | os.O_CREAT) for name, path in self.paths.items()}
        self.memory = os.open("/proc/self/statm", os.O_RDONLY)
        weakref.finalize(self, _end, self.folder, [self.memory, *self.files.values()])
        for name in names:
            self._read(name, self.seeds[name].small[0])  # what this imports is not counted as memory of an input
        gc.freeze()  # nor looked at by each collection of garbage

    def check(self, number: int) -> tuple[str, str, bytes]:
        """(reader, fault, input) of the input of this number; no fault: the empty string."""
        name = self.names[number % len(self.names)]
        data = made(name, self.seeds[name], self.seed, number)
        return name, self.limited(name, data), data

    def limited(self, name: str, data: bytes) -> str:
        """The fault of a reader with this file, if any."""
        reader, (_, hard) = READERS[name], resource.getrlimit(resource.RLIMIT_AS)
        before = int(os.pread(self.memory, 32, 0).split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (before + reader.memory + 10 * len(data), hard))
        try:
            return self._read(name, data)
        finally:
            resource.setrlimit(resource.RLIMIT_AS, (hard, hard))

    def _read(self, name: str, data: bytes) -> str:
        os.ftruncate(self.files[name], os.pwrite(self.files[name], data, 0))  # opening it anew takes as long as reading it
        found, self.said = fault(READERS[name], self.paths[name])
        return found
