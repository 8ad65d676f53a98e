"""Optimisers."""

import numpy as np

from . import kernels
from .checks import check_real


class SGD:
    """Stochastic gradient descent: v = momentum * v + dw + weight_decay * w; w = w - lr * v. (Paper, section 6; PyTorch's form)

    `lr` may be set between steps. Parameters without a gradient are left alone."""

    def __init__(self, parameters, lr, momentum=0.0, weight_decay=0.0):
        self.parameters = list(parameters)
        if not self.parameters:
            raise ValueError("SGD: `parameters` is empty")
        self.lr = check_real("SGD", "lr", lr, 0)
        self.momentum = check_real("SGD", "momentum", momentum, 0)
        self.weight_decay = check_real("SGD", "weight_decay", weight_decay, 0)
        self.velocities = [np.zeros_like(p.data) for p in self.parameters]

    def step(self):
        """Moves every parameter by its gradient."""
        lr = check_real("SGD", "lr", self.lr, 0)
        for p, v in zip(self.parameters, self.velocities, strict=True):
            if p.grad is not None:
                kernels.sgd_step(p.data, p.grad, v, lr=lr, momentum=self.momentum, weight_decay=self.weight_decay)

    def zero_grad(self):
        """Forgets all gradients."""
        for p in self.parameters:
            p.grad = None
