"""The results that a run writes: the metrics of an epoch, weights, and at the end the Result."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .. import curves, kernels, metrics
from ..array_types import Array, IntArray
from ..formats import saved_model
from ..nn import masks
from .progress import Progress
from .testing import Tested

if TYPE_CHECKING:
    from .loop import Trainer


class Result(NamedTuple):
    """The outcome of a run: accuracy on the test set (0 to 1), confusion matrix (rows: true class), seconds, the run's folder, and the
    probability of each class [test images, classes], which the other processes of asynchronous training do not get."""

    accuracy: float
    confusion: IntArray
    seconds: float
    folder: str
    probabilities: Array


def epoch_facts(epoch: int, at: Progress, images: int, lr: float, tested: dict[str, Tested], test_seconds: float) -> dict[str, Any]:
    """The line of metrics.jsonl for an epoch of this many images."""
    facts = {"epoch": epoch, "train_loss": at.loss / images, "train_accuracy": at.correct / images}
    for name, found in tested.items():
        facts |= {f"{name}_loss": found.loss, f"{name}_accuracy": found.accuracy}
    facts |= {"lr": lr, "seconds": at.epoch_seconds, "images_per_second": images / at.epoch_seconds}
    return facts | {"waiting": at.epoch_waited / at.epoch_seconds, "test_seconds": test_seconds}


def write_weights(trainer: Trainer, epoch: int, tested: dict[str, Tested]) -> None:
    """Writes the weights after an epoch, each with its own accuracy: the last, their average, the best, and those of every N epochs."""
    files = _current(trainer, tested)
    used = files.get("averaged", files["last"])
    fewer = trainer.pruner and trainer.pruner.changes(epoch - 1, epoch)  # the best so far has weights that are pruned now
    if used[1] > trainer.progress.best or fewer:
        trainer.progress.best, trainer.progress.best_epoch, files["best"] = used[1], epoch, used
    if epoch and trainer.config.keep_every and epoch % trainer.config.keep_every == 0:
        files[f"epoch-{epoch:04d}"] = used
    _save(trainer, files, epoch)


def missing(trainer: Trainer) -> list[str]:
    """Which weights are no longer in the folder of a run whose epochs are done: last, averaged, best."""
    names = ["last", *(["averaged"] if trainer.average else []), "best"]
    return [name for name in names if not trainer.run.path(f"{name}.safetensors").exists()]


def write_missing(trainer: Trainer, names: list[str], tested: dict[str, Tested]) -> None:
    """Writes weights that are `missing` again, from the checkpoint, which has those of the last epoch; warns if the best were others."""
    files = _current(trainer, tested)
    used = files.get("averaged", files["last"])
    if used[1] >= trainer.progress.best:
        files["best"] = used
    _save(trainer, {name: files[name] for name in names if name in files}, trainer.progress.epoch)
    for name in names:
        done = "written again from the checkpoint" if name in files else "not in the checkpoint, whose epoch is another"
        trainer.log.warn(f"{name}.safetensors was missing: {done}")


def _current(trainer: Trainer, tested: dict[str, Tested]) -> dict[str, tuple[dict[str, Array], float]]:
    """(weights, test accuracy) of the last weights and of their average, if there is one."""
    files = {"last": (trainer.model.state_dict(), tested["test"].accuracy)}
    if trainer.average:
        files["averaged"] = trainer.average.averages, tested["averaged_test"].accuracy
    return files


def _save(trainer: Trainer, files: dict[str, tuple[dict[str, Array], float]], epoch: int) -> None:
    """Writes the weights of an epoch, each with its accuracy; of several processes the first does."""
    if trainer.run.ranks.rank:
        return
    info, beside = trainer.setup.info, trainer.setup.constants | saved_model.packed(masks(trainer.model))
    for name, (arrays, accuracy) in files.items():
        more = info.more | {"epoch": str(epoch), "test_accuracy": f"{accuracy:.4f}"}
        saved_model.save(trainer.run.path(f"{name}.safetensors"), arrays | beside, info._replace(more=more))


def finish(trainer: Trainer, tested: dict[str, Tested]) -> Result:
    """The Result of a run whose epochs are done, of the weights that are used for inference; draws curve.png if matplotlib is installed."""
    setup, used = trainer.setup, tested.get("averaged_test") or tested["test"]
    predicted = used.predicted
    confusion = metrics.confusion_matrix(predicted, setup.test.labels, len(setup.info.classes))
    accuracy = float((predicted == setup.test.labels).mean())
    if trainer.run.ranks.rank == 0:
        _draw_curve(trainer)
    result = Result(accuracy, confusion, trainer.progress.seconds, str(trainer.run.folder), kernels.softmax(used.logits))
    trainer.log.finished(trainer, result)
    return result


def together(found: list[Result], labels: IntArray) -> float:
    """The accuracy of an ensemble: of the mean of its models' probabilities."""
    total = np.zeros(found[0].probabilities.shape)
    for result in found:
        total += result.probabilities
    return float((total.argmax(axis=1) == labels).mean())


def _draw_curve(trainer: Trainer) -> None:
    """Draws curve.png; without matplotlib, an extra, or with missing or damaged metrics, the run ends without it."""
    try:
        curves.draw([trainer.run.folder], trainer.run.path("curve.png"))
    except ImportError:  # log.py says how to install it
        pass
    except (ValueError, FileNotFoundError) as error:
        trainer.log.warn(f"no curve.png: {error}")
