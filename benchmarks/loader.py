"""Speed of data loading: each step of the augmentation for one image, and the loader during training.

python benchmarks/loader.py --data FOLDER [--size 224] [--augment paper] [--model googlenet] [--batch-size 32] [--workers 2]"""

import argparse
import time
from functools import partial
from typing import Any

import numpy as np

import minigoog as mg
from minigoog import data
from minigoog.train.augmentation import AUGMENTATIONS, training


def per_image(dataset: Any, transform: Any, n: int = 200) -> list[tuple[str, float]]:
    """(what, milliseconds for one image): decoding, then each transform; the median of `n` images."""
    steps = [("decode", None), *((repr(t).split("(")[0], t) for t in transform.transforms)]
    times, generator = np.zeros((n, len(steps))), np.random.default_rng(0)
    for row, i in zip(times, np.linspace(0, len(dataset) - 1, n).astype(int), strict=True):
        image = None
        for k, (_, step) in enumerate(steps):
            began = time.perf_counter()
            image = dataset[i][0] if step is None else step(image, generator)
            row[k] = 1000 * (time.perf_counter() - began)
    return [(name, float(ms)) for (name, _), ms in zip(steps, np.median(times, axis=0), strict=True)]


def share_waited(dataset: Any, transform: Any, model: mg.nn.Module, batch_size: int, workers: int, steps: int) -> tuple[float, float]:
    """(share of the time for which training steps waited for images, images a second)."""
    loader = data.DataLoader(dataset, batch_size, shuffle=True, num_workers=workers, transform=transform)
    optimizer = mg.optim.SGD(model.parameters(), 1e-3, 0.9)
    began = first = 0.0
    for done, (images, labels) in enumerate(loader, start=1):
        if done == 1:  # the wait for the first batch does not count
            began, first = time.perf_counter(), loader.waited
        optimizer.zero_grad()
        mg.losses.googlenet_loss(model(mg.Tensor(images)), labels).backward()
        optimizer.step()
        if done == steps:
            break
    seconds = time.perf_counter() - began
    return (loader.waited - first) / seconds, done * batch_size / seconds


def main() -> None:
    """Prints both."""
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--data", required=True)
    p.add_argument("--data-dir")
    p.add_argument("--size", type=int, default=224)
    p.add_argument("--augment", choices=AUGMENTATIONS, default="paper")
    p.add_argument("--model", choices=mg.models.MODELS, default="googlenet")
    p.add_argument("--batch-size", type=int, default=32)
    p.add_argument("--workers", type=int, default=2)
    p.add_argument("--steps", type=int, default=30)
    flags = p.parse_args()
    dataset = data.open_dataset(flags.data, "train", flags.data_dir)
    transform = training(mg.train.Config(), flags.augment, flags.size, partial(data.image_statistics, dataset), data.one_size(dataset))
    rows = per_image(dataset, transform)
    for name, ms in [*rows, ("together", sum(ms for _, ms in rows))]:
        print(f"{name:<24}{ms:8.3f} ms")
    known = {"num_classes": len(dataset.classes), "in_channels": dataset[0][0].shape[2]} if flags.model != "lenet5" else {}
    waited, rate = share_waited(dataset, transform, mg.models.build(flags.model, **known), flags.batch_size, flags.workers, flags.steps)
    print(f"training {flags.model} at batch {flags.batch_size}: {rate:,.0f} images/s, waits for images {waited:.1%} of the time")


if __name__ == "__main__":
    main()
