"""Training for comparisons and examples: one short recipe for every network, and the accuracy that it reaches."""

import math
from collections.abc import Callable

import numpy as np

from . import losses, optim
from .array_types import Array, IntArray, Shape
from .data import ArrayDataset, DataLoader
from .data import transforms as t
from .nn import Module
from .tensor import Tensor, no_grad

MOMENTUM, WEIGHT_DECAY = 0.9, 5e-4
WARM_UP = 0.1  # share of the steps in which the learning rate rises linearly; then it falls as half a cosine
SHIFT = 8  # photographs are shifted by up to an eighth of their size, and mirrored half of the time
PHOTOGRAPH = 3  # channels. Grey images are digits here: they fill the whole image, and mirrored they would be other characters
BATCH = 256  # images in testing


def learn(
    model: Module, images: Array, labels: IntArray, *, epochs: int, lr: float, seed: int, batch_size: int = 64,
    say: Callable[[str], None] | None = None, after_step: Callable[[float], None] | None = None,
) -> list[float]:  # fmt: skip
    """Trains `model` in place by SGD with momentum: `images` float32 [n, h, w, c], normalised, `labels` [n].

    seed: for the order of images and for mirroring and shifting photographs; `model` already has its initial weights. say: called with
    a line for each epoch. after_step: called after each step with its learning rate. Returns the mean loss of each epoch.
    FloatingPointError if a loss is not finite: `lr` was too large."""
    optimizer = optim.SGD(model.parameters(), lr, MOMENTUM, weight_decay=WEIGHT_DECAY, decay_vectors=False)
    dataset = ArrayDataset(images, labels, [str(c) for c in range(int(np.max(labels)) + 1)])
    loader = DataLoader(dataset, batch_size, True, drop_last=len(images) >= batch_size, transform=_varied(images.shape), seed=seed)
    model.train()
    means = []
    for epoch in range(epochs):
        means.append(_epoch(model, loader, optimizer, lr, epoch, epochs, after_step))
        if say:
            say(f"epoch {epoch + 1} of {epochs}: loss {means[-1]:.3f}")
    return means


def _epoch(
    model: Module, loader: DataLoader, optimizer: optim.SGD, lr: float, epoch: int, epochs: int,
    after_step: Callable[[float], None] | None,
) -> float:  # fmt: skip
    """One pass over the images; returns the mean loss."""
    total = 0.0
    for step, (x, y) in enumerate(loader.epoch(epoch)):
        optimizer.lr = lr * schedule((epoch + (step + 1) / len(loader)) / epochs)
        optimizer.zero_grad()
        loss = losses.cross_entropy(model(Tensor(x)), y)
        if not math.isfinite(loss.item()):
            raise FloatingPointError(f"learn: the loss became {loss.item()} in epoch {epoch + 1}, expected a smaller `lr` than {lr:g}")
        loss.backward()
        optimizer.step()
        if after_step:
            after_step(optimizer.lr)
        total += loss.item()
    return total / len(loader)


def schedule(done: float) -> float:
    """The factor of the learning rate when the share `done` (0 to 1) of all steps is done."""
    if done < WARM_UP:
        return done / WARM_UP
    return 0.5 * (1 + math.cos(math.pi * (done - WARM_UP) / (1 - WARM_UP)))


def _varied(shape: Shape) -> t.Compose | None:
    """The augmentation for images of this shape [n, h, w, c]; None for no augmentation."""
    size, channels = shape[1], shape[3]
    if channels != PHOTOGRAPH:
        return None
    return t.Compose([t.RandomCrop(size, padding=max(1, size // SHIFT)), t.RandomHorizontalFlip()])


def accuracy(model: Module, images: Array, labels: IntArray) -> float:
    """The share of `images` that `model`, in evaluation mode, classifies correctly."""
    model.eval()
    right = 0
    with no_grad():
        for start in range(0, len(images), BATCH):
            some = np.ascontiguousarray(images[start : start + BATCH])  # images may be every second one of a larger array
            logits = model(Tensor(some)).data
            right += int((logits.argmax(axis=1) == labels[start : start + BATCH]).sum())
    return right / len(images)
