"""The last layer of a network that is fine-tuned: where it is, what it reads, and its best weights for given features."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from .. import losses, ops, optim
from ..array_types import Array, IntArray, Shape
from ..nn import Module, Parameter, evaluation_mode
from ..op import Op
from ..ops.conv import Conv2d
from ..ops.linear import Linear
from ..tensor import Tensor
from .schedules import half_cosine

# operations between the classifier and the network's output
PASSED = ("Softmax", "LogSoftmax", "Reshape", "Transpose", "GlobalAvgPool2d", "AvgPool2d", "ReLU")
STEPS, RATE, DECAY = 100, 0.1, 0.03  # of `solved`: steps of Adam, the first rate, weight decay of the standardised problem


class Classifier(NamedTuple):
    """The last layer with parameters: a linear one, or a 1x1 convolution. name: of its module; bias: None if it has none."""

    name: str
    weight: Parameter
    bias: Parameter | None

    def set(self, fit: "Fit") -> None:
        """Gives the layer these weights."""
        self.weight.data[...] = fit.weight.reshape(self.weight.shape)
        if self.bias is not None:
            self.bias.data[...] = fit.bias

    def of(self, model: Module) -> "Classifier":
        """The same layer of another network of the same kind."""
        module = dict(model.named_modules())[self.name]
        return Classifier(self.name, module.weight, module.bias if self.bias is not None else None)


def last_layer(where: str, model: Module, input_size: Shape) -> Classifier:
    """The Classifier of `model`; ValueError, beginning with `where`, if its last layer is of another kind."""
    with evaluation_mode(model):
        y = model(Tensor(np.zeros((1, *input_size), np.float32), requires_grad=True))
    op = last_operation(y)
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    parameters: list[Any] = [] if op is None else [x for x in op.inputs[1:] if id(x) in names]
    if op is None or not _is_classifier(op) or len(parameters) != len(op.inputs) - 1:
        last = "nothing" if op is None else op.name
        raise ValueError(f"{where}: its last layer is {last}, expected a linear layer or a 1x1 convolution")
    name = names[id(parameters[0])].rpartition(".")[0]
    return Classifier(name, parameters[0], parameters[1] if len(parameters) > 1 else None)


def _is_classifier(op: Op) -> bool:
    if isinstance(op, Conv2d):
        height, width, channels, _ = op.inputs[1].shape
        return (height, width) == (1, 1) and channels == op.inputs[0].shape[3]  # not in groups
    return isinstance(op, Linear)


def last_operation(y: Any) -> Op | None:
    """The last operation that made `y` but for those of PASSED; None if `y` is not one tensor."""
    op = y.op if isinstance(y, Tensor) else None
    while op is not None and op.name in PASSED:
        op = op.inputs[0].op
    return op


class Inputs(Module):
    """What the last layer of a network reads: [n, features]; of a map its mean, which a mean after a 1x1 convolution is equal to."""

    def __init__(self, model: Module) -> None:
        self.model = model

    def forward(self, x: Tensor) -> Tensor:
        op = last_operation(self.model(x))
        assert op is not None
        features = op.inputs[0]
        return features if features.ndim == 2 else ops.global_avg_pool2d(features)


class Fit(NamedTuple):
    """A linear classifier: weight [features, classes], bias [classes]; and its mean loss and how many images it has right."""

    weight: Array
    bias: Array
    loss: float
    correct: int


def solved(features: Array, labels: IntArray, classes: int, bias: bool, class_weights: Array | None = None) -> Iterator[Fit]:
    """The linear classifier with the least cross-entropy and weight decay: after each step, nearer to it.

    class_weights [classes]: factors of the losses of each class's images, if any. Full-batch Adam on features of mean 0 and variance 1,
    so that one rate fits all networks; without a `bias`, of their own mean."""
    mean = features.mean(axis=0, dtype=np.float64) * bias
    square = np.square(features - mean).mean(axis=0)
    scale = 1 / np.sqrt(square + 1e-6 * square.mean() + np.finfo(np.float32).tiny)
    x = Tensor(((features - mean) * scale).astype(np.float32))
    w, b = Parameter(np.zeros((x.shape[1], classes), np.float32)), Parameter(np.zeros(classes, np.float32))
    optimizer = optim.Adam([w, b] if bias else [w], RATE, weight_decay=DECAY, decay_vectors=False)
    for step in range(STEPS):
        optimizer.zero_grad()
        logits = ops.linear(x, w, b)
        (loss,) = losses.googlenet_losses(logits, labels, class_weights=class_weights)
        loss.backward()
        optimizer.lr = RATE * half_cosine(step / STEPS)
        optimizer.step()
        weight = w.data * scale[:, None]
        correct = int((logits.data.argmax(axis=1) == labels).sum())
        yield Fit(weight.astype(np.float32), (b.data - mean @ weight).astype(np.float32), loss.item(), correct)
