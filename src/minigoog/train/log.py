"""The printed output of a run."""

from __future__ import annotations

import importlib.util
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..data.datasets import DIGITS
from ..data.verify import skipped_lines
from ..models.googlenet import AUX_INPUT_SIZES
from ..text import confusion_text, duration, listed, printable, shell_word
from .config import Config

if TYPE_CHECKING:
    from .loop import Trainer
    from .results import Result
    from .setup import Setup

HEADING = "epoch   train loss  accuracy   test loss  accuracy         lr   images/s  time left"


class Log:
    """Prints a line for each epoch, and on a terminal a line that counts the steps."""

    def __init__(self) -> None:
        self.terminal = sys.stdout.isatty()
        self.printed = 0.0

    def begin(self, trainer: Trainer) -> None:
        """Called before the first step."""
        setup, config = trainer.setup, trainer.config
        n = sum(p.size for p in trainer.model.parameters())
        size = "x".join(map(str, setup.info.input_size))
        images = f"{len(setup.train):,} images of {printable(config.data)} for training and {len(setup.test):,} for testing"
        print(f"{type(trainer.model).__name__}, {n:,} parameters, on {images}, at {size}, into {printable(trainer.run.folder)}")
        for note in setup.notes:
            print(f"{printable(config.data)}: {note}")
        print(f"({DIGITS})\n" if config.data == "digits" else "")
        if setup.info.arguments.get("aux_heads") is False:
            print(f"without the auxiliary heads, which need images of {AUX_INPUT_SIZES[0]} to {AUX_INPUT_SIZES[-1]} pixels\n")
        if trainer.saved:
            print(f"resuming from epoch {trainer.saved:.2f}\n")
        if trainer.changes:
            print(f"not bit-exactly, because these have changed: {listed(trainer.changes, 20, 160)}\n")
        print(HEADING, flush=True)

    def step(self, trainer: Trainer, loss: float) -> None:
        """Called after each step."""
        now = time.perf_counter()
        if not self.terminal or now - self.printed < 0.1:
            return
        self.printed, at = now, trainer.progress
        images = at.step * len(trainer.setup.train) / len(trainer.batches)
        left = duration(self.seconds_left(trainer))
        progress = f"step {at.step} of {len(trainer.batches)}"
        print(f"\r{at.epoch + 1:5d}   {loss:10.4f}  {progress:<20}{'':>21}{images / at.epoch_seconds:9,.0f}  {left:>9}", end="", flush=True)

    @staticmethod
    def seconds_left(trainer: Trainer) -> float:
        """The time left, if each remaining step takes as long as those of this epoch."""
        at, epochs = trainer.progress, trainer.config.epochs
        return at.epoch_seconds / max(at.step, 1) * (len(trainer.batches) * (epochs - at.epoch) - at.step)

    def epoch(self, facts: dict[str, Any], epochs: int) -> None:
        """Called after each epoch with the facts of its line in metrics.jsonl."""
        per_epoch = facts["seconds"] + facts["test_seconds"]
        left = duration(per_epoch * (epochs - facts["epoch"])) if facts["epoch"] or not epochs else "?"  # epoch 0 is of another kind
        test = "averaged_test" if "averaged_test_loss" in facts else "test"
        known = ("train", test) if f"{test}_loss" in facts else ("train",)
        accuracies = "  ".join(f"{facts[f'{part}_loss']:10.4f}  {facts[f'{part}_accuracy']:8.2%}" for part in known)
        speed = f"{facts['lr']:9.2g}  {facts['images_per_second']:9,.0f}  {left:>9}"
        density = f"  density {facts['density']:.3g}" if "density" in facts else ""
        print(f"{chr(13) if self.terminal else ''}{facts['epoch']:5d}   {accuracies:42}  {speed}{density}", flush=True)

    def say(self, text: str) -> None:
        """Called on the way with what is being done; shown on a terminal."""
        now = time.perf_counter()
        if self.terminal and now - self.printed >= 0.1:
            self.printed = now
            print(f"\r{text:<79}", end="", flush=True)

    def warn(self, text: str) -> None:
        """Called with a warning of the diagnostics."""
        print(f"{chr(13) if self.terminal else ''}WARNING: {text}", flush=True)

    def finished(self, trainer: Trainer, result: Result) -> None:
        """Called at the end: prints accuracy, confusion matrix, the files and how to use them."""
        print(f"\ntest accuracy {result.accuracy:.2%} after {duration(result.seconds)} of training and testing\n")
        if len(trainer.setup.info.classes) <= 20:
            print(confusion_text(result.confusion, trainer.setup.info.classes), end="\n\n")
        names = sorted(path.name for path in trainer.run.folder.iterdir() if not path.name.startswith("."))
        print(f"{printable(result.folder)}: {', '.join(names)}")
        if not importlib.util.find_spec("matplotlib"):
            print("(no curve.png: pip install 'minigoog[plots]' draws it)")
        print(f"to use the weights:\n    model = minigoog.load({result.folder!r})")
        if trainer.config.skip_damaged:
            print("\n".join(skipped_lines(trainer.setup.skipped)))
        crops = "" if sees_whole_images(trainer.setup) else " --crops 10"
        print(f"{to_test('them', trainer.config)}:\n    {evaluate_command(trainer.config, result.folder)}{crops}")


def sees_whole_images(setup: Setup) -> bool:
    """Whether the network was trained on whole images, so that it should not be tested on crops."""
    image = setup.test[0][0]
    return bool(image.shape[:2] == setup.info.input_size[:2])


def to_test(them: str, config: Config) -> str:
    """What `evaluate_command` is for: with `validation` the run was tested on training images, so it tests others."""
    return f"to test {them} on the test images, which the search has not seen" if config.validation else f"to test {them} again"


def evaluate_command(config: Config, folder: str | Path) -> str:
    """The command that tests the weights in `folder` on the test images of its run's data."""
    words = ["python", "-m", "minigoog.evaluate", str(folder), "--data", config.data]
    words += ["--data-dir", config.data_dir] if config.data_dir else []
    return " ".join(map(shell_word, words + (["--skip-damaged"] if config.skip_damaged else [])))
