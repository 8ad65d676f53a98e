"""The folder of a run."""

import json
from pathlib import Path

from .. import __version__
from ..files import sweep, whole_file
from ..formats import safetensors


class Run:
    """A new folder and its files: config.json at once, weights.safetensors and metrics.jsonl as training goes, curve.png at the end.

    Raises FileExistsError if the folder holds a run already: nothing of an earlier run is ever overwritten."""

    def __init__(self, config, model, metadata):
        self.folder = Path(config.output) if config.output else _free_folder(f"runs/tiny-seed{config.seed}")
        if self.folder.exists() and (not self.folder.is_dir() or any(self.folder.iterdir())):
            raise FileExistsError(f"{self.folder} exists and is not an empty folder")
        self.folder.mkdir(parents=True, exist_ok=True)
        sweep(self.folder)
        self.metadata = {"model": "tiny", "seed": str(config.seed), "minigoog": __version__} | metadata
        self.saved_epoch = None
        facts = config.as_dict(model="tiny", data="digits", parameters=sum(p.size for p in model.parameters()))
        with whole_file(self.folder / "config.json") as file:
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


def _free_folder(name):
    """`name`, or name-2, name-3, ... : the first that does not exist."""
    candidates = (Path(name if i == 1 else f"{name}-{i}") for i in range(1, 10**6))
    return next(path for path in candidates if not path.exists())
