"""The folder of a run."""

import errno
import json
from contextlib import contextmanager
from pathlib import Path

from .. import __version__
from ..files import sweep, whole_file
from ..formats import safetensors


class Run:
    """A new folder and its files: config.json at once, weights.safetensors and metrics.jsonl as training goes, curve.png at the end.

    Raises OSError if it cannot be made or holds anything already: nothing of an earlier run is ever overwritten."""

    def __init__(self, config, model, metadata):
        self.folder = _new_folder(f"runs/tiny-seed{config.seed}") if config.output is None else _empty_folder(Path(config.output))
        sweep(self.folder)
        self.metadata = {"model": "tiny", "seed": str(config.seed), "minigoog": __version__} | metadata
        self.saved_epoch = None
        parameters = sum(p.size for p in model.parameters())
        facts = config.as_dict(output=str(self.folder), model="tiny", data="digits", parameters=parameters)
        with _named_errors(self.folder), whole_file(self.folder / "config.json") as file:
            file.write(json.dumps(facts, indent=2).encode() + b"\n")

    @property
    def weights(self):
        """The path of the weights."""
        return self.folder / "weights.safetensors"

    def save_weights(self, model, epoch):
        """Writes the weights as they are after `epoch` epochs (which may be a fraction), whole or not at all."""
        safetensors.save(self.weights, model.state_dict(), self.metadata | {"epoch": f"{epoch:g}"})
        self.saved_epoch = epoch

    def weights_text(self):
        """Where the last good weights are, in words."""
        return f"The weights after {self.saved_epoch:.2f} epochs are in {self.weights}" if self.saved_epoch else "There are no weights yet"

    def add_metrics(self, facts):
        """Adds one line to metrics.jsonl."""
        with open(self.folder / "metrics.jsonl", "a", encoding="utf-8") as file:
            file.write(json.dumps(facts) + "\n")

    def plot(self):
        """Draws curve.png: loss and accuracy by epoch. Does nothing where matplotlib is not installed (extra `plots`)."""
        try:
            import matplotlib.figure
        except ModuleNotFoundError:
            return
        lines = [json.loads(line) for line in (self.folder / "metrics.jsonl").read_text().splitlines()]
        figure = matplotlib.figure.Figure(figsize=(9, 3.5), layout="constrained")
        for axes, quantity in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
            for part in ("train", "test"):
                axes.plot([line["epoch"] for line in lines], [line[f"{part}_{quantity}"] for line in lines], label=part)
            axes.set(xlabel="epoch", title=quantity)
            axes.legend()
        with whole_file(self.folder / "curve.png") as file:
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
        if any(folder.iterdir()):
            raise FileExistsError(errno.ENOTEMPTY, "it holds files already")
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
