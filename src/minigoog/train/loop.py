"""The training loop: steps, epochs, and what is kept of them."""

import math
import time
from typing import NamedTuple

import numpy as np

from .. import kernels, losses, metrics, models, optim, rng
from ..data import DataLoader, Dataset, digits
from ..tensor import Tensor, no_grad
from .log import Log
from .run import Run
from .signals import StopRequests


class TrainingError(RuntimeError):
    """Training cannot go on; the message says why and what to do."""


class Interrupted(RuntimeError):
    """Somebody asked for a stop (Ctrl-C, SIGTERM); the step in progress was finished and its weights were saved."""

    def __init__(self, message, signal):
        super().__init__(message)
        self.signal = signal


class Result(NamedTuple):
    """What a run came to: accuracy on the test set (0 to 1), confusion matrix (rows: true class), seconds, the run's folder."""

    accuracy: float
    confusion: np.ndarray
    seconds: float
    folder: str


def fit(config):
    """Trains the tiny Inception network on the digits as `config` says, into a run folder; returns a Result.

    The folder holds weights.safetensors (written whole after each epoch), metrics.jsonl (a line an epoch), config.json and, where
    matplotlib is installed, curve.png. Raises Interrupted or TrainingError with the folder in order, ValueError or OSError before
    there is one."""
    if config.threads is not None:
        kernels.set_num_threads(config.threads)
    started = time.perf_counter()
    rng.manual_seed(config.seed)
    train, test = digits()
    if config.batch_size > len(train):
        raise ValueError(f"train: `batch_size` is {config.batch_size}, expected at most the {len(train)} training images")
    mean, deviation = float(train.images.mean()), float(train.images.std())
    train, test = (Dataset((part.images - mean) / deviation, part.labels, part.classes) for part in (train, test))
    model = models.TinyInception()
    run = Run(config, model, {"input_mean": repr(mean), "input_deviation": repr(deviation)})
    try:
        return _train(config, model, train, test, run, started)
    except OSError as error:
        raise TrainingError(f"writing failed ({error}). {run.weights_text()}") from error


def _train(config, model, train, test, run, started):
    log = Log(run, model, train, test)
    with StopRequests() as stop:
        _epochs(config, model, train, test, run, log, stop)
    predicted = predict(model, test).argmax(axis=1)
    confusion = metrics.confusion_matrix(predicted, test.labels, len(test.classes))
    result = Result(float((predicted == test.labels).mean()), confusion, time.perf_counter() - started, str(run.folder))
    run.plot()
    log.finished(result, test.classes)
    return result


def _epochs(config, model, train, test, run, log, stop):
    optimizer = optim.SGD(model.parameters(), config.lr, config.momentum, config.weight_decay)
    loader = DataLoader(train, config.batch_size, shuffle=True, seed=config.seed)
    for epoch in range(config.epochs):
        began = time.perf_counter()
        train_loss, train_accuracy = _epoch(config, epoch, model, optimizer, loader, run, log, stop)
        seconds = time.perf_counter() - began
        test_loss, test_accuracy = evaluate(model, test)
        _check_finite(test_loss, f"after epoch {epoch + 1}", config, run)  # the last step may be the one that broke the weights
        run.save_weights(model, epoch + 1)
        log.epoch(epoch + 1, train_loss, train_accuracy, test_loss, test_accuracy, optimizer.lr, seconds, len(train) / seconds)
        if stop.signal:
            raise Interrupted(f"stopped after epoch {epoch + 1}. {run.weights_text()}", stop.signal)


def _epoch(config, epoch, model, optimizer, loader, run, log, stop):
    """(mean loss, accuracy) over the steps of one epoch."""
    model.train()
    sums = np.zeros(2)
    for i, (images, labels) in enumerate(loader.epoch(epoch)):
        optimizer.lr = cosine(config.lr, epoch * len(loader) + i, config.epochs * len(loader))
        loss, correct = step(model, optimizer, images, labels)
        _check_finite(loss, f"in step {i + 1} of epoch {epoch + 1}", config, run)
        sums += loss * len(labels), correct
        if stop.signal:
            run.save_weights(model, epoch + (i + 1) / len(loader))
            raise Interrupted(f"stopped after step {i + 1} of epoch {epoch + 1}. {run.weights_text()}", stop.signal)
        log.step(epoch, i + 1, len(loader), loss)
    return sums / len(loader.dataset)


def _check_finite(loss, where, config, run):
    if not math.isfinite(loss):
        raise TrainingError(f"the loss became {loss} {where}: try a smaller --lr than {config.lr:g}. {run.weights_text()}")


def step(model, optimizer, images, labels):
    """One step of gradient descent on one batch; returns the loss and how many the model had right."""
    optimizer.zero_grad()
    logits = model(Tensor(images))
    loss = losses.cross_entropy(logits, labels)
    loss.backward()
    optimizer.step()
    return loss.item(), int((logits.data.argmax(axis=1) == labels).sum())


def cosine(lr, step, steps):
    """The learning rate of a step: `lr` at first, falling along half a cosine to 0 after `steps`."""
    return lr * 0.5 * (1 + math.cos(math.pi * step / steps))


def predict(model, dataset, batch_size=256):
    """Logits of a whole data set: [n, classes]."""
    model.eval()
    with no_grad():
        return np.concatenate([model(Tensor(images)).data for images, _ in DataLoader(dataset, batch_size).epoch()])


def evaluate(model, dataset):
    """(mean loss, accuracy) on a data set."""
    logits = predict(model, dataset)
    loss = losses.cross_entropy(Tensor(logits), dataset.labels).item()
    return loss, 1 - metrics.top_k_error(logits, dataset.labels)
