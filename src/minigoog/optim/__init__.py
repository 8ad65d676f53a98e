"""Optimizers, the running average of weights, and the norm of gradients."""

from .adagrad import Adagrad
from .adam import Adam, AdamW
from .average import PolyakAverage
from .gradients import clip_grad_norm_, gradient_norm
from .optimizer import Optimizer
from .sgd import SGD

__all__ = ["Adagrad", "Adam", "AdamW", "clip_grad_norm_", "gradient_norm", "Optimizer", "PolyakAverage", "SGD"]
