"""The folder of a run and its files.

config.toml               the settings, whole
machine.json              what it ran on
metrics.jsonl             a line for each epoch and for every so many steps
last.safetensors          the weights after the last epoch that ended
averaged.safetensors      their running average, if there is one
best.safetensors          of these (averaged if there are averages), those of the epoch with the best test accuracy
epoch-0010.safetensors    the weights of that epoch, if asked for
checkpoint.safetensors    all that is needed to go on
curve.png                 loss and accuracy by epoch, where matplotlib is installed"""

import errno
import json
import os
from contextlib import contextmanager, suppress
from pathlib import Path

from .. import __version__
from ..config import config as machine_config
from ..files import atomic_write, remove_stale

METRICS = "metrics.jsonl"


class Run:
    """A run's folder; see above. Nothing of an earlier run is ever overwritten: a new one needs a new or empty folder.

    ensemble: the folder of the ensemble that the run's model belongs to, if any; that is what goes on after a stop."""

    def __init__(self, folder, ensemble=None):
        self.folder = Path(folder)
        self.resumed_by = Path(ensemble or folder)

    @classmethod
    def create(cls, config, ensemble=None):
        """Makes the folder that `config` asks for and writes the settings; OSError, naming `output`, if that cannot be."""
        name = f"runs/{config.model}-{Path(config.data).name}-seed{config.seed}"
        run = cls(_new_folder(name) if config.output is None else _empty_folder(Path(config.output)), ensemble)
        with _named_errors(run.folder):
            run.write("config.toml", config.toml())
            run.write("machine.json", json.dumps({"minigoog": __version__} | machine_config(), indent=2) + "\n")
        return run

    def path(self, name):
        """The path of a file of the run."""
        return self.folder / name

    def write(self, name, text):
        """Writes a file of text, whole or not at all."""
        with atomic_write(self.path(name)) as file:
            file.write(text.encode())

    @contextmanager
    def locked(self):
        """Within a with-block, no other process can go on with this run; what killed writes have left is swept away first."""
        with open(self.folder / ".lock", "w") as file:
            try:
                import fcntl

                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except ImportError:  # Windows
                pass
            except BlockingIOError:
                raise BlockingIOError(f"train: {self.folder} is being trained by another process") from None
            try:
                remove_stale(self.folder)
                yield
            finally:
                self.path(".lock").unlink(missing_ok=True)

    def add_metrics(self, facts):
        """Adds one line to the metrics, whole or not at all, on disk when this returns; returns how long the file is then."""
        with open(self.path(METRICS), "ab", buffering=0) as file:  # a buffer would write what is left of it when the file is closed
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

    def cut_metrics(self, length):
        """Drops what was written after a checkpoint: training writes it again."""
        if self.path(METRICS).exists():
            os.truncate(self.path(METRICS), length)

    def epochs(self):
        """The facts of each epoch so far, as the metrics have them."""
        if not self.path(METRICS).exists():
            return []
        lines = [json.loads(line) for line in self.path(METRICS).read_text(encoding="utf-8").splitlines()]
        return [line for line in lines if "test_loss" in line]


def plot(run):
    """Draws curve.png: loss and accuracy by epoch. Does nothing where matplotlib is not installed (extra `plots`)."""
    try:
        import matplotlib.figure
    except ModuleNotFoundError:
        return
    epochs = run.epochs()
    figure = matplotlib.figure.Figure(figsize=(9, 3.5), layout="constrained")
    for axes, quantity in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
        for part in ("train", "test", "averaged_test"):
            if epochs and f"{part}_{quantity}" in epochs[0]:
                axes.plot([line["epoch"] for line in epochs], [line[f"{part}_{quantity}"] for line in epochs], label=part.replace("_", " "))
        axes.set(xlabel="epoch", title=quantity)
        axes.legend()
    with atomic_write(run.path("curve.png")) as file:
        figure.savefig(file, format="png")


@contextmanager
def _named_errors(folder):
    """Within a with-block, an OSError says that it is about the run's folder."""
    try:
        yield
    except OSError as error:
        raise OSError(f"train: `output` is '{folder}', expected a new or empty folder to write to ({error.strerror})") from None


def _empty_folder(folder):
    """`folder`, made if it does not exist; it must be empty."""
    with _named_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        remove_stale(folder, "config.toml")  # of a run that was killed before it had begun
        if any(folder.iterdir()):
            raise FileExistsError(errno.ENOTEMPTY, "it holds files already; --resume goes on with a run")
    return folder


def _new_folder(name):
    """`name`, or name-2, name-3, ... : the first that does not exist. Made at once: runs that start together get one each."""
    with _named_errors(name):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        folder, i = Path(name), 1
        while not _make(folder):
            i += 1
            folder = Path(f"{name}-{i}")
        return folder


def _make(folder):
    """Whether `folder` did not exist and does now."""
    try:
        folder.mkdir()
    except FileExistsError:
        return False
    return True
