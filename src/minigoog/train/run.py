"""The folder of a run and its files.

config.toml               all settings
machine.json              the machine that it ran on
metrics.jsonl             a line for each epoch, and one every LOG_EVERY steps (loop.py)
last.safetensors          the weights after the last complete epoch
averaged.safetensors      their running average, with --average
best.safetensors          the weights (the average, if there is one) of the epoch with the best test accuracy
epoch-0010.safetensors    the weights of that epoch, with --keep-every
checkpoint.safetensors    all that is needed to resume
curve.png                 loss, accuracy and learning rate by epoch, if matplotlib is installed"""

import errno
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self

from .. import __version__
from ..config import config as machine_config
from ..curves import METRICS
from ..files import atomic_write, locked, remove_stale
from ..text import file_name
from .config import Config


class Run:
    """A run's folder; see above. An earlier run is never overwritten: a new one needs a new or empty folder.

    ensemble: the folder of the ensemble that the run's model belongs to, if any; after a stop, the ensemble is resumed."""

    def __init__(self, folder: str | Path, ensemble: str | Path | None = None) -> None:
        self.folder = Path(folder)
        self.resumed_by = Path(ensemble or folder)

    @classmethod
    def create(cls, config: Config, ensemble: str | Path | None = None) -> Self:
        """Makes the folder that `config` names and writes the settings; OSError, naming `output`, if that fails."""
        name = f"runs/{config.model}-{file_name(Path(config.data).name)}-seed{config.seed}"
        run = cls(_new_folder(name) if config.output is None else _empty_folder(Path(config.output)), ensemble)
        with _named_errors(run.folder):
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
        with locked(self.path(".lock")) as ours:
            if not ours:
                raise BlockingIOError(f"train: {self.folder} is being trained by another process")
            remove_stale(self.folder)
            yield

    def add_metrics(self, facts: dict[str, Any]) -> int:
        """Adds one line to the metrics atomically and syncs it to disk; returns the new length of the file."""
        with open(self.path(METRICS), "ab", buffering=0) as file:  # a buffer would be flushed when the file is closed
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

    def cut_metrics(self, length: int) -> None:
        """Removes the lines written after the checkpoint, because training writes them again."""
        if self.path(METRICS).exists():
            os.truncate(self.path(METRICS), length)


@contextmanager
def _named_errors(folder: str | Path) -> Iterator[None]:
    """Within a with-block, an OSError names the run's folder."""
    try:
        yield
    except OSError as error:
        raise OSError(f"train: `output` is '{folder}', expected a new or empty folder to write to ({error.strerror})") from None


def _empty_folder(folder: Path) -> Path:
    """`folder`, made if it does not exist; it must be empty."""
    with _named_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        remove_stale(folder, "config.toml")  # from a run that was killed before its start
        if any(folder.iterdir()):
            raise FileExistsError(errno.ENOTEMPTY, "it holds files already; --resume continues a run")
    return folder


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
