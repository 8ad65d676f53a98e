"""The training loop: steps, epochs, and what is kept of them."""

import math
import shlex
import time
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np

from .. import kernels, losses, metrics, optim
from ..data import DamagedImage, DataLoader
from ..formats import saved_model
from ..tensor import Tensor, no_grad
from . import checkpoint
from .diagnostics import Diagnostics
from .run import plot
from .schedules import learning_rate

LOOK_EVERY = 50  # steps: losses of all heads and gradient norms go to the metrics
BATCH = 256  # images in testing


class TrainingError(RuntimeError):
    """Training cannot go on; the message says why and what to do."""


class Interrupted(RuntimeError):
    """Somebody asked for a stop (Ctrl-C, SIGTERM); the step in progress was finished and a checkpoint was saved."""

    def __init__(self, message, signal):
        super().__init__(message)
        self.signal = signal


class Result(NamedTuple):
    """What a run came to: accuracy on the test set (0 to 1), confusion matrix (rows: true class), seconds, the run's folder."""

    accuracy: float
    confusion: np.ndarray
    seconds: float
    folder: str


@dataclass
class Progress:
    """Where a run is: `step` steps into `epoch`, and the sums over them. Part of every checkpoint."""

    epoch: int = 0
    step: int = 0
    total_steps: int = 0
    loss: float = 0.0  # sum over the epoch's images
    correct: int = 0
    epoch_seconds: float = 0.0
    epoch_waited: float = 0.0  # seconds of these in which there was no batch yet
    seconds: float = 0.0  # of all training so far, testing included
    best: float = -1.0
    metrics_length: int = 0  # bytes of metrics.jsonl that belong to this point
    head_losses: list = field(default_factory=list)  # sum over the steps since the last look, for each head
    looked_at: int = 0  # how many steps these are

    def add_heads(self, losses):
        """Takes the losses of one step into those since the last look."""
        self.head_losses = [a + b for a, b in zip(self.head_losses or [0.0] * len(losses), losses, strict=True)]
        self.looked_at += 1

    def log(self):
        """The mean loss of each head since the last look, which is now."""
        means = [loss / self.looked_at for loss in self.head_losses]
        self.head_losses, self.looked_at = [], 0
        return means


class Trainer:
    """A network in training. `train()` goes on from `progress` to the end, or to a stop.

    Raises Interrupted or TrainingError with the run's folder in order."""

    def __init__(self, config, setup, run, log):
        self.config, self.setup, self.run, self.log = config, setup, run, log
        self.model = setup.model
        self.optimizer = optim.SGD(
            self.model.parameters(), config.lr, config.momentum,
            weight_decay=config.weight_decay, nesterov=config.nesterov, decay_vectors=False,
        )
        self.average = optim.PolyakAverage(self.model.state_dict(), config.average) if config.average else None
        seed = config.seed if config.sampling_seed is None else config.sampling_seed
        self.loader = DataLoader(
            self.setup.train, config.batch_size, self.setup.train_transform, shuffle=True, seed=seed, workers=config.workers
        )
        self.diagnostics = Diagnostics(self.model, self.setup.train.labels, len(self.setup.info.classes))
        self.progress, self.saved = Progress(), None

    def train(self, stop):
        """Runs all epochs that are left; returns the Result."""
        try:
            while self.progress.epoch < self.config.epochs:
                self._epoch(stop)
                self._end_epoch(stop)
            return _finish(self)
        except (OSError, DamagedImage) as error:  # a full disk, a data file that vanished or was damaged
            raise TrainingError(f"{error}. {self.how_to_resume()}") from error

    def how_to_resume(self):
        """What to do after a stop, in words."""
        if self.saved is None:
            return "There is no checkpoint yet"
        folder = shlex.quote(str(self.run.resumed_by))
        return f"Go on from epoch {self.saved:.2f} with: python -m minigoog.train --resume {folder}"

    def _epoch(self, stop):
        """The steps of the present epoch that are left."""
        at = self.progress
        self.model.train()
        began = last = time.perf_counter()
        before, waited_before = at.epoch_seconds, at.epoch_waited
        for images, labels in self.loader.epoch(at.epoch, start=at.step):
            self.optimizer.lr = learning_rate(at.epoch + at.step / len(self.loader), self.config)
            at.step, at.total_steps = at.step + 1, at.total_steps + 1
            looking = at.total_steps % LOOK_EVERY == 0
            each, correct, norms = self._step(images, labels, looking)
            at.loss, at.correct = at.loss + each[0] * len(labels), at.correct + correct
            at.epoch_seconds, at.epoch_waited = before + time.perf_counter() - began, waited_before + self.loader.waited
            at.add_heads(each)
            if looking:
                self._look(norms)
            if stop.signal and at.step < len(self.loader):
                self.save()
                raise Interrupted(f"stopped after step {at.step} of epoch {at.epoch + 1}. {self.how_to_resume()}", stop.signal)
            if time.perf_counter() - last > 60 * self.config.checkpoint_minutes and at.step < len(self.loader):
                self.save()
                last = time.perf_counter()
            self.log.step(self, each[0])

    def _step(self, images, labels, looking):
        """One step of gradient descent; returns the loss of each head, how many images were right, and the gradients' norms."""
        self.optimizer.zero_grad()
        outputs = self.model(Tensor(images))
        each = losses.googlenet_losses(outputs, labels, self.config.label_smoothing)
        values = [loss.item() for loss in each]
        self._check_finite(values, f"in step {self.progress.step} of epoch {self.progress.epoch + 1}")
        losses.weighted_sum(each, self.config.aux_weight).backward()
        norms = self.diagnostics.norms() if looking else None
        if self.config.clip:
            optim.clip_grad_norm_(self.model.parameters(), self.config.clip)
        self.optimizer.step()
        if self.average:
            self.average.step()
        logits = outputs[0] if isinstance(outputs, tuple) else outputs
        return values, int((logits.data.argmax(axis=1) == labels).sum()), norms

    def _look(self, norms):
        """Writes the losses and gradient norms to the metrics, and says what looks wrong."""
        at = self.progress
        means = at.log()
        facts = {"step": at.total_steps, "epoch": at.epoch + at.step / len(self.loader), "losses": means, "gradient_norms": norms}
        at.metrics_length = self.run.add_metrics(facts | {"lr": self.optimizer.lr})
        for warning in self.diagnostics.log(at.total_steps, means, norms):
            self.log.warn(warning)

    def _end_epoch(self, stop):
        """Tests, writes weights, metrics and checkpoint."""
        at, n, began = self.progress, len(self.setup.train), time.perf_counter()
        tested = {"test": self.test()}
        if self.average:
            with weights(self.model, self.average.averages):
                tested["averaged_test"] = self.test()
        test_seconds = time.perf_counter() - began
        # the last step may have broken the weights
        self._check_finite([loss for loss, _ in tested.values()], f"after epoch {at.epoch + 1}")
        facts = {"epoch": at.epoch + 1, "train_loss": at.loss / n, "train_accuracy": at.correct / n}
        for name, (loss, accuracy) in tested.items():
            facts |= {f"{name}_loss": loss, f"{name}_accuracy": accuracy}
        facts |= {"lr": self.optimizer.lr, "seconds": at.epoch_seconds, "images_per_second": n / at.epoch_seconds}
        facts |= {"waiting": at.epoch_waited / at.epoch_seconds, "test_seconds": test_seconds}
        self._write_weights(at.epoch + 1, *(accuracy for _, accuracy in tested.values()))
        at.metrics_length = self.run.add_metrics(facts)
        seconds = at.seconds + at.epoch_seconds + test_seconds
        self.progress = replace(at, epoch=at.epoch + 1, step=0, loss=0.0, correct=0, epoch_seconds=0.0, epoch_waited=0.0, seconds=seconds)
        self.save()
        self.log.epoch(facts, self.config.epochs)
        if stop.signal:
            raise Interrupted(f"stopped after epoch {at.epoch + 1}. {self.how_to_resume()}", stop.signal)

    def _write_weights(self, epoch, accuracy, averaged_accuracy=None):
        """Last, averaged, best and every so many epochs' weights, each with its own accuracy."""
        with self._named_numbers():
            checkpoint.check_finite(self)
        last = self.model.state_dict(), accuracy
        used = (self.average.averages, averaged_accuracy) if self.average else last
        files = {"last": last} | ({"averaged": used} if self.average else {})
        if used[1] > self.progress.best:
            self.progress.best, files["best"] = used[1], used
        if self.config.keep_every and epoch % self.config.keep_every == 0:
            files[f"epoch-{epoch:04d}"] = used
        for name, (arrays, reached) in files.items():
            more = self.setup.info.more | {"epoch": str(epoch), "test_accuracy": f"{reached:.4f}"}
            saved_model.save(self.run.path(f"{name}.safetensors"), arrays, self.setup.info._replace(more=more))

    def save(self):
        """Writes a checkpoint; TrainingError, with the last good one intact, if the weights are no longer numbers."""
        with self._named_numbers():
            checkpoint.save(self.run, self)
        self.saved = self.progress.epoch + self.progress.step / len(self.loader)

    def load(self):
        """Goes on from the run's checkpoint, or from the start if it has none."""
        if self.run.path(checkpoint.NAME).exists():
            checkpoint.load(self.run, self)
            self.saved = self.progress.epoch + self.progress.step / len(self.loader)
        self.run.cut_metrics(self.progress.metrics_length)

    def test(self):
        """(mean loss, accuracy) on the test set."""
        logits = self.predict()
        loss = losses.cross_entropy(Tensor(logits), self.setup.test.labels).item()
        return loss, 1 - metrics.top_k_error(logits, self.setup.test.labels)

    def predict(self):
        """Logits of the test set: [n, classes]."""
        loader = DataLoader(self.setup.test, BATCH, self.setup.test_transform, workers=self.config.workers)
        self.model.eval()
        with no_grad():
            return np.concatenate([self.model(Tensor(images)).data for images, _ in loader.epoch()])

    def _check_finite(self, values, where):
        for value in values:
            if not math.isfinite(value):
                raise self._broken(f"the loss became {value} {where}")

    @contextmanager
    def _named_numbers(self):
        """Within a with-block, numbers that are not finite are a TrainingError."""
        try:
            yield
        except FloatingPointError as error:
            raise self._broken(str(error)) from None

    def _broken(self, what):
        return TrainingError(f"{what}: try a smaller --lr than {self.config.lr:g}, or --clip. {self.how_to_resume()}")


@contextmanager
def weights(model, arrays):
    """Within a with-block, `model` has other weights."""
    own = {name: array.copy() for name, array in model.state_dict().items()}
    model.load_state_dict(arrays)
    try:
        yield
    finally:
        model.load_state_dict(own)


def run_to_the_end(config, setup, run, log, stop):
    """Trains into the folder of `run`, from its checkpoint if it has one, until a StopRequests asks for a stop; returns a Result."""
    if config.threads is not None:
        kernels.set_num_threads(config.threads)
    with run.locked():
        trainer = Trainer(config, setup, run, log)
        trainer.load()
        log.begin(trainer)
        return trainer.train(stop)


def _finish(trainer):
    """The Result of a run whose epochs are done, of the weights that are used at inference."""
    setup = trainer.setup
    with weights(trainer.model, trainer.average.averages if trainer.average else trainer.model.state_dict()):
        predicted = trainer.predict().argmax(axis=1)
    confusion = metrics.confusion_matrix(predicted, setup.test.labels, len(setup.info.classes))
    accuracy = float((predicted == setup.test.labels).mean())
    plot(trainer.run)
    result = Result(accuracy, confusion, trainer.progress.seconds, str(trainer.run.folder))
    trainer.log.finished(trainer, result)
    return result

