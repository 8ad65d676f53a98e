"""The folder of a run and its files.

config.toml               all settings
machine.json              the machine that it ran on
metrics.jsonl             a line for each epoch, and one every LOG_EVERY steps (loop.py)
last.safetensors          the weights after the last complete epoch (with --test-every, the last that was tested)
averaged.safetensors      their running average, with --average
best.safetensors          the weights (the average, if there is one) of the epoch with the best test accuracy;
                          with --prune, of those that have as few weights as the last
epoch-0010.safetensors    the weights of that epoch, with --keep-every
checkpoint.safetensors    all that is needed to resume
arrivals.jsonl            with --downpour, the order in which messages came to the servers, to repeat the run with --replay
live.html                 how the run goes, with --live (live.py)
tensorboard               event files for TensorBoard, with --tensorboard
curve.png                 loss, accuracy and learning rate by epoch, if matplotlib is installed"""

import errno
import json
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Self

from .. import __version__
from ..config import config as machine_config
from ..curves import METRICS
from ..data.datasets import STANDARD
from ..data.scan import PARTS
from ..files import atomic_write, check_folder, check_output_name, locked, remove_stale
from ..parallel import Alone, Communicator
from ..reading import open_regular, reading
from ..text import file_name, listed, shell_word
from .config import Config

LOCK = ".lock"


class Run:
    """A run's folder; see above. An earlier run is never overwritten: a new one needs a new or empty folder.

    ensemble: the folder of the ensemble that the run's model belongs to, if any; after a stop, the ensemble is resumed."""

    ranks: Communicator = Alone()  # the processes that train it; only the first writes

    def __init__(self, folder: str | Path, ensemble: str | Path | None = None) -> None:
        self.folder = Path(folder)
        self.resumed_by = Path(ensemble or folder)

    @classmethod
    def create(cls, config: Config, ensemble: str | Path | None = None) -> Self:
        """Makes the folder that `config` names and writes the settings; OSError, naming `output`, if that fails."""
        name = f"runs/{config.model}-{file_name(Path(config.data).name)}-seed{config.seed}"
        run = cls(_new_folder(name) if config.output is None else _made(Path(config.output)), ensemble)
        with _named_errors(run.folder), run.locked():
            _check_empty(run.folder)
            run.write("config.toml", config.toml())
            run.write("machine.json", json.dumps({"minigoog": __version__} | machine_config(), indent=2) + "\n")
        return run

    def path(self, name: str) -> Path:
        """The path of a file of the run."""
        return self.folder / name

    def write(self, name: str, text: str) -> None:
        """Writes a text file atomically."""
        with atomic_write(self.path(name)) as file:
            file.write(text.encode())

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Within a with-block, no other process can train this run. Removes temporary files of interrupted writes first."""
        if self.ranks.rank:
            yield
            return
        with locked(self.path(LOCK)) as ours:
            if not ours:
                raise BlockingIOError(f"train: {self.folder} is being trained by another process")
            remove_stale(self.folder)
            yield

    def take_over(self) -> None:
        """Locks the folder, until this process ends, after the process that had locked it has died."""
        self.lock = ExitStack()
        self.lock.enter_context(locked(self.path(LOCK)))

    def add_metrics(self, facts: dict[str, Any]) -> int:
        """Adds one line to the metrics; returns the new length of the file."""
        return self.add_line(METRICS, facts)

    def add_line(self, name: str, facts: dict[str, Any]) -> int:
        """Adds one line of JSON to a file atomically and syncs it to disk; returns the new length of the file."""
        if self.ranks.rank:
            return 0
        with open(self.path(name), "ab", buffering=0) as file:  # a buffer would be flushed when the file is closed
            before, left = file.tell(), json.dumps(facts).encode() + b"\n"
            try:
                while left:
                    left = left[file.write(left) :]
                os.fsync(file.fileno())
            except OSError:
                with suppress(OSError):
                    os.truncate(file.fileno(), before)
                raise
            return file.tell()

    def metrics_changes(self, length: int) -> list[str]:
        """What is wrong with the metrics, whose first `length` bytes were there at the last checkpoint; usually nothing."""
        size = self.path(METRICS).stat().st_size if self.path(METRICS).exists() else 0
        if size < length:
            return [f"{METRICS}: {size:,} bytes (was {length:,}); the missing lines will be missing"]
        return [] if self._complete(length) == length else [f"{METRICS}: no line ends where one ended (at byte {length:,})"]

    def cut_metrics(self, length: int) -> int:
        """Removes the lines from byte `length` on, because training writes them again; returns the length that is left.

        That is `length`, or, if lines before the checkpoint are missing, that of all complete lines."""
        if self.ranks.rank or not self.path(METRICS).exists():
            return 0
        left = self._complete(length)
        os.truncate(self.path(METRICS), left)
        return left

    def _complete(self, length: int) -> int:
        """The length of all complete lines in the first `length` bytes of the metrics."""
        if not length:
            return 0
        with reading(self.path(METRICS), "damaged"), open_regular(self.path(METRICS)) as file:
            return file.read(length).rfind(b"\n") + 1

    def check_startable(self) -> None:
        """Raises ValueError if the run has results but no checkpoint: it would start anew and replace them."""
        names = [METRICS, *(path.name for path in sorted(self.folder.glob("*.safetensors")))]
        found = [name for name in names if self.path(name).exists()]
        if found:
            lacks = f"{self.folder} has {listed(found)} but no checkpoint.safetensors"
            raise ValueError(f"train: {lacks}, so it cannot be resumed. To train anew: {new_run(self.path('config.toml'))}")


def new_run(settings: Path) -> str:
    """The command that trains with the settings in a file, in a new folder."""
    return f"python -m minigoog.train --config {shell_word(settings)} --output NEW_FOLDER"


def check_output(config: Config) -> None:
    """Raises OSError or ValueError, naming `output`, unless a new run can be written there: called before any work."""
    folder = Path(config.output or "runs")
    with _named_errors(folder):
        check_output_name(config.output or "")
        check_folder(folder)
        if config.output and folder.exists():
            _check_empty(folder)
    data = Path(config.data).expanduser()
    inside = [part for part in _image_folders(data) if folder.resolve().is_relative_to(part.resolve())]
    if config.data not in STANDARD and inside:
        raise ValueError(f"train: `output` is '{folder}', among the images of `data` '{config.data}', expected a folder elsewhere")


def _image_folders(data: Path) -> list[Path]:
    """The folders whose folders are classes."""
    if not data.is_dir():
        return []
    names = {name for groups in PARTS.values() for group in groups for name in group}
    parts = [entry for entry in data.iterdir() if entry.name.lower() in names]
    trained = any(entry.name.lower() == "train" for entry in parts)
    return [*parts, *(data / name for name in names)] if trained else [data]


@contextmanager
def _named_errors(folder: str | Path) -> Iterator[None]:
    """Within a with-block, an OSError names the run's folder."""
    try:
        yield
    except BlockingIOError:  # from Run.locked, which names it
        raise
    except OSError as error:
        raise OSError(f"train: `output` is '{folder}', expected a new or empty folder to write to ({error.strerror})") from None


def _made(folder: Path) -> Path:
    """`folder`, made if it does not exist."""
    with _named_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    return folder


def _check_empty(folder: Path) -> None:
    """Raises FileExistsError if `folder` holds anything; a lock, and what a run that was killed before its start has left, is nothing."""
    remove_stale(folder, "config.toml")
    if any(entry.name != LOCK for entry in folder.iterdir()):
        hint = "; --resume continues a run" if (folder / "config.toml").exists() else ""
        raise FileExistsError(errno.ENOTEMPTY, f"it holds files already{hint}")


def _new_folder(name: str) -> Path:
    """Makes the first of `name`, name-2, name-3, ... that does not exist, so that runs that start together get different ones."""
    with _named_errors(name):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        folder, i = Path(name), 1
        while not _make(folder):
            i += 1
            folder = Path(f"{name}-{i}")
        return folder


def _make(folder: Path) -> bool:
    """Makes `folder`; False if it exists already."""
    try:
        folder.mkdir()
    except FileExistsError:
        return False
    return True
