"""Adam, and its form with decoupled weight decay."""

import math
from typing import Any

import numpy as np

from ..array_types import Array
from ..checks import check_array, check_real
from ..tensor import Tensor
from .optimizer import Optimizer, Params, decay_of


class Adam(Optimizer):
    """Steps scaled by running means of the gradient and of its square. (Kingma, Ba, arXiv 1412.6980, algorithm 1)

    g = dw + weight_decay * w; m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g^2, (b1, b2) = `betas`; after t steps
    w = w - lr * (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps), as in PyTorch. `decay_vectors` as in SGD."""

    limits = {"lr": (0.0, math.inf), "eps": (0.0, math.inf), "weight_decay": (0.0, math.inf)}
    flags = ("decay_vectors",)
    decoupled = False  # whether the weight decay stays out of m and v

    def __init__(
        self, params: Params, lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 0.0, *, decay_vectors: bool = True,
    ) -> None:
        settings = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}
        super().__init__(params, settings | {"decay_vectors": decay_vectors})

    def _checked(self, settings: dict[str, Any]) -> dict[str, Any]:
        betas = settings["betas"]
        if not isinstance(betas, (tuple, list)) or len(betas) != 2:
            raise TypeError(f"{self._name}: `betas` is {betas!r}, expected a pair of numbers")
        b1, b2 = (check_real(self._name, "betas", b, 0, 1) for b in betas)
        if max(b1, b2) == 1:
            raise ValueError(f"{self._name}: `betas` is {betas}, expected two numbers below 1")
        return super()._checked(settings) | {"betas": (b1, b2)}

    def new_state(self, p: Tensor) -> dict[str, Any]:
        return {"step": np.zeros((), np.int64), "exp_avg": np.zeros_like(p.data), "exp_avg_sq": np.zeros_like(p.data)}

    def update(self, p: Tensor, grad: Array, state: dict[str, Any], settings: dict[str, Any]) -> None:
        check_array(self._name, "grad", grad, dtype=p.dtype, shape=p.shape)
        (b1, b2), lr, decay = settings["betas"], settings["lr"], decay_of(p, settings)
        m, v = state["exp_avg"], state["exp_avg_sq"]
        state["step"] += 1
        t = int(state["step"])
        kind = p.dtype.type  # NumPy before version 2 would compute in float64 if scalars had another type than the arrays
        if self.decoupled:
            p.data *= kind(1 - lr * decay)
        elif decay:
            grad = grad + kind(decay) * p.data
        m += kind(1 - b1) * (grad - m)
        v += kind(1 - b2) * (grad * grad - v)
        scale = np.sqrt(v) / kind(math.sqrt(1 - b2**t)) + kind(settings["eps"])
        p.data -= kind(lr / (1 - b1**t)) * m / scale


class AdamW(Adam):
    """Adam whose weight decay acts on the weights alone: w = (1 - lr * weight_decay) w first, then Adam's step without it.

    (Loshchilov, Hutter, arXiv 1711.05101)"""

    decoupled = True

    def __init__(
        self, params: Params, lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 1e-2, *, decay_vectors: bool = True,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay, decay_vectors=decay_vectors)
