"""Draws docs/images/learning.png: a small Inception network learning digits, looked at while it learns.

    python docs/learning_strip.py [--output FILE] [--epochs N]

Real runs: 1,442 digits, seed 0, of 0 to 12 epochs from one start, and one test digit that the network has never seen. Above,
where in the digit the evidence for its class is (the class activation map, exact for this network), in colours relative to the strongest
of each look; below, what the network says."""

import argparse
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import minigoog as mg
from minigoog import figures
from minigoog.short_training import accuracy, learn

IMAGE = Path(__file__).resolve().parent / "images" / "learning.png"
EPOCHS, LR, DIGIT = 12, 0.02, 3  # the test digit that is looked at
LOOKS = (0, 1, 2, 4, 12)  # after so many epochs


def evidence(model: mg.models.TinyInception, image: np.ndarray, label: int) -> tuple[np.ndarray, np.ndarray]:
    """(the map [h, w] whose mean, plus the bias, is the logit of `label`; the probabilities of all classes)."""
    maps = mg.trace(model.eval(), image)["inception3b"].forward[-1].output[0]
    weights, bias = model.classifier.weight.data, model.classifier.bias.data
    logits = maps.mean(axis=(0, 1)) @ weights + bias
    chances = np.exp(logits - logits.max())
    return maps @ weights[:, label], chances / chances.sum()


def looks(epochs: int) -> list[tuple[int, np.ndarray, np.ndarray, float]]:
    """(epochs so far, evidence, probabilities, share of the test digits that are right) at each of LOOKS."""
    train, test = mg.data.digits()
    x, test_x = (part.images / np.float32(255) - np.float32(0.3) for part in (train, test))
    found = []
    for after in [look for look in LOOKS if look <= epochs]:
        mg.manual_seed(0)  # the same start each time, so that a look is the end of a short run
        model = mg.models.TinyInception()
        if after:
            learn(model, x, train.labels, epochs=after, lr=LR, seed=0)
        label = int(test.labels[DIGIT])
        found.append((after, *evidence(model, test_x[DIGIT], label), accuracy(model, test_x, test.labels)))
    return found


def draw(found: list[tuple[int, np.ndarray, np.ndarray, float]]) -> Figure:
    """The strip: a column for each look."""
    _, test = mg.data.digits()
    label = int(test.labels[DIGIT])
    figure = Figure(figsize=(2.1 * len(found), 3.6), layout="constrained")
    axes = figure.subplots(2, len(found), squeeze=False, height_ratios=(3, 2))
    for (above, below), (after, heat, chances, right) in zip(axes.T, found, strict=True):
        largest = np.abs(heat).max()  # of this look: the first ones would be invisible beside the last
        above.imshow(test.images[DIGIT][:, :, 0], cmap="gray", extent=(0, 8, 8, 0))
        above.imshow(heat, cmap="RdBu_r", vmin=-largest, vmax=largest, alpha=0.6, extent=(0, 8, 8, 0), interpolation="bilinear")
        above.set(title="untrained" if not after else f"{after} epoch{'s' * (after > 1)}", xticks=[], yticks=[])
        below.bar(range(10), chances, color=["tab:orange" if c == label else "tab:gray" for c in range(10)])
        below.set(ylim=(0, 1), xticks=range(10), yticks=[], xlabel=f"{right:.0%} of all digits right")
    axes[0][0].set_ylabel(f"evidence for {label}")
    axes[1][0].set_ylabel("it says")
    return figure


def main() -> None:
    """The program."""
    p = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    p.add_argument("--output", type=figures.output, default=IMAGE)
    p.add_argument("--epochs", type=int, default=EPOCHS)
    flags = p.parse_args()
    figures.save(draw(looks(flags.epochs)), flags.output, dpi=90)


if __name__ == "__main__":
    main()
