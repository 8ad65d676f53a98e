"""Stochastic gradient descent with momentum."""

import math
from typing import Any

import numpy as np

from .. import kernels
from ..array_types import Array
from ..tensor import Tensor
from .optimizer import Optimizer, Params, decay_of


class SGD(Optimizer):
    """Stochastic gradient descent: g = dw + weight_decay * w; v = momentum * v + g; w = w - lr * v. (Paper, section 6; PyTorch's form)

    nesterov: w = w - lr * (g + momentum * v) instead, Nesterov's momentum (Sutskever et al. 2013, which the paper cites).
    `decay_vectors` False: no weight decay for biases and other parameters with one axis, as for biases in Caffe's GoogLeNet."""

    limits = dict.fromkeys(("lr", "momentum", "weight_decay"), (0.0, math.inf))
    flags = ("nesterov", "decay_vectors")

    def __init__(
        self, params: Params, lr: float, momentum: float = 0.0, *,
        weight_decay: float = 0.0, nesterov: bool = False, decay_vectors: bool = True,
    ) -> None:
        settings = {"lr": lr, "momentum": momentum, "weight_decay": weight_decay}
        super().__init__(params, settings | {"nesterov": nesterov, "decay_vectors": decay_vectors})

    @property
    def velocities(self) -> list[Array]:
        """The velocity v of each parameter."""
        return [state["momentum_buffer"] for state in self.state]

    def new_state(self, p: Tensor) -> dict[str, Any]:
        return {"momentum_buffer": np.zeros_like(p.data)}

    def update(self, p: Tensor, grad: Array, state: dict[str, Any], settings: dict[str, Any]) -> None:
        lr, momentum, nesterov = settings["lr"], settings["momentum"], settings["nesterov"]
        arrays = p.data, grad, state["momentum_buffer"]
        kernels.sgd_step(*arrays, lr=lr, momentum=momentum, weight_decay=decay_of(p, settings), nesterov=nesterov)
