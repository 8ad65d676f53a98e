"""The norm of gradients."""

import math
from collections.abc import Iterable

import numpy as np

from .. import writes
from ..checks import check_real
from ..tensor import Tensor, check_tensor
from .optimizer import listed_tensors


def _checked_parameters(where: str, parameters: Iterable[Tensor]) -> list[Tensor]:
    """One tensor or several as a list of tensors."""
    several = [parameters] if isinstance(parameters, Tensor) else listed_tensors(where, "parameters", parameters)
    return [check_tensor(where, f"parameters[{i}]", p) for i, p in enumerate(several)]


def gradient_norm(parameters: Iterable[Tensor]) -> float:
    """The Euclidean norm of all gradients of `parameters` together; 0 if there are none."""
    parameters = _checked_parameters("gradient_norm", parameters)
    squares = [np.square(p.grad, dtype=np.float64).sum() for p in parameters if p.grad is not None]
    return math.sqrt(sum(squares))


def clip_grad_norm_(parameters: Iterable[Tensor], max_norm: float) -> float:
    """Scales the gradients of `parameters`, in place, so that their total norm is at most `max_norm`; returns the norm before that.

    `max_norm` math.inf changes nothing: for the norm alone."""
    parameters = _checked_parameters("clip_grad_norm_", parameters)
    norm = gradient_norm(parameters)
    unlimited = isinstance(max_norm, (float, np.floating)) and max_norm == math.inf
    if not unlimited and norm > check_real("clip_grad_norm_", "max_norm", max_norm, 0):
        for p in parameters:
            if p.grad is not None:
                p.grad *= np.float32(max_norm / norm)
                writes.note(p.grad, "clip_grad_norm_")
    return norm
