"""Adagrad, which asynchronous training survives with: every weight has a rate of its own, which only falls."""

import math
from typing import Any

import numpy as np

from ..array_types import Array
from ..checks import check_array
from ..tensor import Tensor
from .optimizer import Optimizer, Params, decay_of


class Adagrad(Optimizer):
    """Steps divided by the root of the sum of all squared gradients so far. (Duchi, Hazan, Singer 2011; on the servers of DistBelief)

    g = dw + weight_decay * w; s = s + g^2; w = w - lr * g / (sqrt(s) + eps), as in PyTorch. `decay_vectors` as in SGD."""

    limits = {"lr": (0.0, math.inf), "eps": (0.0, math.inf), "weight_decay": (0.0, math.inf)}
    flags = ("decay_vectors",)

    def __init__(
        self, params: Params, lr: float = 1e-2, *, eps: float = 1e-10, weight_decay: float = 0.0, decay_vectors: bool = True
    ) -> None:
        super().__init__(params, {"lr": lr, "eps": eps, "weight_decay": weight_decay, "decay_vectors": decay_vectors})

    def new_state(self, p: Tensor) -> dict[str, Any]:
        return {"sum": np.zeros_like(p.data)}

    def update(self, p: Tensor, grad: Array, state: dict[str, Any], settings: dict[str, Any]) -> None:
        check_array(self._name, "grad", grad, dtype=p.dtype, shape=p.shape)
        kind = p.dtype.type  # NumPy before version 2 would compute in float64 if scalars had another type than the arrays
        if decay := decay_of(p, settings):
            grad = grad + kind(decay) * p.data
        state["sum"] += grad * grad
        p.data -= kind(settings["lr"]) * grad / (np.sqrt(state["sum"]) + kind(settings["eps"]))
