"""Optimisers."""

import math

import numpy as np

from . import kernels
from .checks import check_real


class SGD:
    """Stochastic gradient descent: g = dw + weight_decay * w; v = momentum * v + g; w = w - lr * v. (Paper, section 6; PyTorch's form)

    nesterov: w = w - lr * (g + momentum * v) instead, the gradient taken from where momentum leads (Sutskever et al. 2013, which the
    paper cites). `lr` may be set between steps. Parameters without a gradient are left alone. `decay_vectors` False leaves biases and
    other parameters of one axis out of the weight decay, as Caffe's GoogLeNet does with biases."""

    def __init__(self, parameters, lr, momentum=0.0, weight_decay=0.0, decay_vectors=True, nesterov=False):
        self.parameters = list(parameters)
        if not self.parameters:
            raise ValueError("SGD: `parameters` is empty")
        self.lr = check_real("SGD", "lr", lr, 0)
        self.momentum = check_real("SGD", "momentum", momentum, 0)
        self.weight_decay = check_real("SGD", "weight_decay", weight_decay, 0)
        self.decay_vectors, self.nesterov = decay_vectors, nesterov
        self.velocities = [np.zeros_like(p.data) for p in self.parameters]

    def step(self):
        """Moves every parameter by its gradient."""
        lr = check_real("SGD", "lr", self.lr, 0)
        for p, v in zip(self.parameters, self.velocities, strict=True):
            if p.grad is not None:
                decay = self.weight_decay if self.decay_vectors or p.ndim > 1 else 0.0
                kernels.sgd_step(p.data, p.grad, v, lr=lr, momentum=self.momentum, weight_decay=decay, nesterov=self.nesterov)
                p.mark_written("SGD.step")

    def zero_grad(self):
        """Forgets all gradients."""
        for p in self.parameters:
            p.grad = None


class PolyakAverage:
    """A running average of arrays, which makes the model used at inference. (Polyak, Juditsky 1992; paper, section 6)

    After each step: average = d * average + (1 - d) * array, d = min(decay, (1 + t) / (10 + t)) at step t, so that the first, bad
    weights are soon forgotten. `arrays`: name -> array, as `Module.state_dict` gives them; `averages` has the same names."""

    def __init__(self, arrays, decay):
        self.arrays = arrays
        self.decay = check_real("PolyakAverage", "decay", decay, 0, 1)
        self.averages = {name: array.copy() for name, array in arrays.items()}
        self.steps = 0

    def step(self):
        """Takes the arrays as they are now into the averages."""
        decay = np.float32(min(self.decay, (1 + self.steps) / (10 + self.steps)))
        self.steps += 1
        for name, average in self.averages.items():
            average += (1 - decay) * (self.arrays[name] - average)


def gradient_norm(parameters):
    """The Euclidean length of all gradients of `parameters` together; 0 where there are none."""
    squares = [np.square(p.grad, dtype=np.float32).sum(dtype=np.float64) for p in parameters if p.grad is not None]
    return math.sqrt(sum(squares))


def clip_grad_norm(parameters, max_norm):
    """Scales the gradients of `parameters` so that together they are at most `max_norm` long; returns their length before."""
    parameters = list(parameters)
    norm = gradient_norm(parameters)
    if norm > max_norm:
        for p in parameters:
            if p.grad is not None:
                p.grad = p.grad * np.float32(max_norm / norm)
    return norm
