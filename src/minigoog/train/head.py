"""The first part of fine-tuning: only the new classifier, on features of all training images that are computed once."""

import time
from collections.abc import Iterator

import numpy as np

from ..array_types import Array
from ..data import DataLoader
from ..features import BATCH, outputs
from ..nn import Module
from .classifier import STEPS, Inputs, solved
from .config import Config
from .progress import Progress
from .setup import Setup


def train(model: Module, setup: Setup, config: Config, progress: Progress) -> Iterator[str]:
    """Gives the network's classifier its best weights for the training images, prepared as test images are. Yields what it is doing,
    after every batch or step; the caller may stop there. Adds loss, correct images and seconds to the progress."""
    began, labels, classifier = time.perf_counter(), setup.train.labels, setup.classifier
    assert classifier is not None
    features: list[Array] = []
    for part in outputs(Inputs(model), _images(setup, config)):
        features.append(part)
        yield f"    0   features of {sum(map(len, features)):,} of {len(labels):,} images"
    x = np.concatenate(features)
    fits = solved(x, labels, len(setup.info.classes), classifier.bias is not None, setup.class_weights)
    for step, fit in enumerate(fits, start=1):
        progress.loss, progress.correct = fit.loss * len(labels), fit.correct
        classifier.set(fit)
        yield f"    0   classifier, step {step} of {STEPS}"
    progress.epoch_seconds = time.perf_counter() - began


def _images(setup: Setup, config: Config) -> Iterator[Array]:
    """The training images in order, in batches."""
    loader = DataLoader(setup.train, BATCH, num_workers=config.workers, transform=setup.test_transform)
    return (images for images, _ in loader)
