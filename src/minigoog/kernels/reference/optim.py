"""One step of stochastic gradient descent, and of a running average."""

from ...array_types import Array
from ...checks import check_array, check_bool, check_out, check_real, plainly_separate


def check_sgd(w: Array, dw: Array, v: Array, lr: float, momentum: float, weight_decay: float, nesterov: bool) -> None:
    """Checks the arguments of sgd_step for both kinds of kernels."""
    check_array("sgd_step", "w", w)
    check_array("sgd_step", "dw", dw, dtype=w.dtype, shape=w.shape)
    check_array("sgd_step", "v", v, dtype=w.dtype, shape=w.shape)
    check_real("sgd_step", "lr", lr)
    check_real("sgd_step", "momentum", momentum)
    check_real("sgd_step", "weight_decay", weight_decay)
    check_bool("sgd_step", "nesterov", nesterov)
    if not plainly_separate(w, dw, v):
        check_out("sgd_step", w, w.shape, w.dtype, name="w", dw=dw)
        check_out("sgd_step", v, w.shape, w.dtype, name="v", dw=dw, w=w)


def sgd_step(
    w: Array, dw: Array, v: Array, *, lr: float, momentum: float, weight_decay: float, nesterov: bool = False
) -> None:
    """In place: g = dw + weight_decay * w; v = momentum * v + g; w = w - lr * v, or with `nesterov` w = w - lr * (g + momentum * v)."""
    check_sgd(w, dw, v, lr, momentum, weight_decay, nesterov)
    kind = w.dtype.type
    slope = dw + kind(weight_decay) * w
    v[...] = kind(momentum) * v + slope
    w -= kind(lr) * (slope + kind(momentum) * v if nesterov else v)


def check_average(average: Array, w: Array, decay: float) -> None:
    """Checks the arguments of average_step for both kinds of kernels."""
    check_array("average_step", "average", average)
    check_array("average_step", "w", w, dtype=average.dtype, shape=average.shape)
    check_real("average_step", "decay", decay, 0, 1)
    if not plainly_separate(average, w, w):
        check_out("average_step", average, w.shape, w.dtype, name="average", w=w)


def average_step(average: Array, w: Array, *, decay: float) -> None:
    """In place: average = decay * average + (1 - decay) * w."""
    check_average(average, w, decay)
    average += average.dtype.type(1 - decay) * (w - average)
