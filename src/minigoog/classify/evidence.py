"""Where in a photograph the evidence for a class is: Grad-CAM. (Selvaraju et al., "Grad-CAM", ICCV 2017)

The weight of each channel of the last map is the mean of the class's gradient over it; the map of evidence is the weighted sum of the
channels, where it is above 0. For a network that ends in global average pooling and one linear layer it is the class activation map."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from .. import figures
from ..array_types import Array
from ..data.images import decode
from ..data.preprocess import Photograph
from ..loading import Ranking, TrainedModel
from ..nn import evaluation_mode
from ..op import Op
from ..ops.softmax import Softmax
from ..tape import Tape
from ..tensor import Tensor, recording
from ..text import printable, shortened

MOST = 12  # photographs in a figure
INCHES, DPI = 3.6, 120  # of a picture


def evidence(model: TrainedModel, image: Photograph, label: int | None = None) -> Array:
    """The map of evidence, from 0 to 1, float32 [h, w] of the network's last map, for the class number `label` (None: the likeliest).

    It covers what the network saw, `model.preprocess.middle(image)`. ValueError if no map comes before the classes."""
    x = Tensor(model.preprocess(image), requires_grad=True)
    with recording(), evaluation_mode(model):
        scores = _scores(model, model(x))
    tape = Tape(scores)
    last = next((op for op in reversed(tape) if op.y.ndim == 4 and min(op.y.shape[1:3]) > 1), None)
    if last is None:
        raise ValueError(f"{printable(model.path)}: no map comes before its classes, so there is no place of evidence")
    dy = np.zeros_like(scores.data)
    dy.reshape(-1)[scores.data.argmax() if label is None else label] = 1
    gradient = _gradient(tape, last, dy)
    found = np.maximum((last.y[0] * gradient[0].mean(axis=(0, 1))).sum(axis=2), 0)
    return np.asarray(found / (found.max() or 1), np.float32)


def _scores(model: TrainedModel, result: Tensor | tuple[Tensor, ...]) -> Tensor:
    """The scores of the classes before softmax, whose gradient does not vanish where the network is sure."""
    results = result if isinstance(result, tuple) else (result,)
    fitting = [each for each in results if each.size == len(model.classes) and each.op is not None]
    if not fitting:
        raise ValueError(f"{printable(model.path)}: no classifier, so there is no class to show the evidence for")
    op = fitting[0].op
    return op.inputs[0] if isinstance(op, Softmax) else fitting[0]


def _gradient(tape: Tape, of: Op, dy: Array) -> Array:
    """The gradient with respect to the output of an operation."""
    for op, gradient, _ in tape.steps(dy):
        if op is of:
            return gradient
    return np.zeros_like(of.y)


def draw(model: TrainedModel, paths: Sequence[Path], rankings: Sequence[Ranking], output: str) -> None:
    """Writes a figure with a row for each photograph: as the network saw it, and with the evidence for its likeliest class over it."""
    figure = figures.new(2 * INCHES, INCHES * len(paths))
    for row, (path, ranking) in enumerate(zip(paths, rankings, strict=True)):
        pixels = decode(path)
        seen, found = model.preprocess.middle(pixels), evidence(model, pixels)
        axes = [figure.add_subplot(len(paths), 2, 2 * row + column + 1) for column in (0, 1)]
        for each in axes:
            each.imshow(np.repeat(seen, 3 // seen.shape[2], axis=2).astype(np.uint8))
            each.set_axis_off()
        height, width = seen.shape[:2]
        axes[1].imshow(found, cmap="inferno", alpha=0.6, interpolation="bilinear", extent=(-0.5, width - 0.5, height - 0.5, -0.5))
        axes[0].set_title(_title(printable(path.name)), fontsize=9)
        axes[1].set_title(_title(f"{printable(ranking[0][0])} {ranking[0][1]:.1%}"), fontsize=9)
    figures.save(figure, output, DPI)


def _title(text: str) -> str:
    return shortened(text, 44).replace("$", r"\$")
