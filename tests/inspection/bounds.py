"""What rounding may cost, from the arithmetic of each operation: how far an explained number may be from the stored one."""

import numpy as np

from minigoog.checks import pair
from tests.kernels.judge import U
from tests.kernels.test_batch_norm import ROUNDINGS
from tests.kernels.test_softmax import relative_error
from tests.kernels.test_winograd import ABSOLUTE, winograd, winograd_weight

# forward without arithmetic: the very bits
MOVED = {"ChannelShuffle", "Concat", "Connect", "Index", "MaxPool2d", "ReLU", "Reshape", "Transpose"}
CURVES = {"Clip", "ELU", "GELU", "HardSigmoid", "HardSwish", "Sigmoid", "SiLU"}  # of one number, by a handful of operations


def sum_bound(e):
    """(4 + 2 sqrt(terms)) u magnitude: see tests/kernels/judge.py, where it is derived."""
    return (4 + 2 * np.sqrt(np.size(e.products))) * U * e.magnitude + 1e-40


def output_bound(step, e, index):
    op, x = step.op, step.inputs[0].astype(np.float64)
    if step.operation in MOVED:
        return 0.0
    if step.operation in CURVES:
        return 8 * U * (abs(e.value) + abs(x[index]))
    if step.operation == "LRN":  # five squares, their sum, a power of it and a quotient
        return 16 * U * abs(e.value)
    if step.operation == "LogSoftmax":  # x is rounded when the largest is subtracted, and so is the logarithm
        return 8 * U * (2 * np.abs(x[index[:-1]]).max() + np.log(x.shape[-1]) + 1)
    if step.operation == "Tanh":  # derived in tests/kernels/test_activation.py
        return op.gain * U * (abs(op.slope * x[index]) + 6)
    if step.operation == "Power":  # NumPy's powers of float32 are within 4 ulp
        return 8 * U * abs(e.value)
    if step.operation == "Softmax":
        return relative_error(step.inputs[0])[index] * e.value + 2e-38
    if step.operation == "CrossEntropy":  # -log p moves as much as p relatively; of each loss, and their mean
        of_logits = (4 + 2 * np.sqrt(x.shape[1])) * U * np.abs(x).max() * (op.label_smoothing > 0)  # their mean is taken too
        return float(relative_error(step.inputs[0]).max()) + 2 * U * e.magnitude + of_logits
    if step.operation == "SquaredDistance":  # computed as x^2 - 2 x code + code^2, whose terms are larger than what is left of them
        a, code = np.abs(x[index[0]]), np.abs(op.codes[index[1]].astype(np.float64))
        return (6 + 2 * np.sqrt(len(a))) * U * ((a + code) ** 2).sum()
    if step.operation == "BatchNorm2d":  # derived in tests/kernels/test_batch_norm.py
        size, deviation = np.abs(x[..., index[-1]]).max(), np.sqrt(e.parts["its variance"] + op.eps)
        scale = abs(step.inputs[1][index[-1]]) / deviation
        return ROUNDINGS * U * (2 * size * scale * (1 + size / deviation) + abs(step.inputs[2][index[-1]]))
    if step.algorithm == "winograd":  # S, the algorithm run on absolute values: tests/kernels/test_winograd.py
        scale = winograd(np.abs(x), np.abs(op.w).astype(np.float64), pair("Conv2d", "padding", op.window["padding"], 0), ABSOLUTE)[index]
        return (6 + 0.2 * np.sqrt(op.w.shape[2])) * U * (scale + abs(step.inputs[2][index[-1]]))
    return sum_bound(e)


def gradient_bound(step, e, k, index):
    op, dy = step.op, np.abs(step.dy).astype(np.float64)
    if step.operation == "Power":
        return 12 * U * abs(e.value)
    if step.operation in CURVES:
        return 8 * U * dy[index] * (1 + abs(step.inputs[0][index]))
    if step.operation == "LRN":  # the two terms of which it is the difference
        others = 2 * op.alpha * op.beta / op.size * abs(step.inputs[0][index]) * np.abs(e.products).sum()
        return 32 * U * (abs(e.parts["dy / d ** beta"]) + others)
    if step.operation == "LogSoftmax":
        relative = 8 * U * (1 + 2 * np.abs(step.inputs[0][index[:-1]]).max())
        return 4 * U * dy[index] + relative * e.parts["softmax(x)"] * dy[index[:-1]].sum()
    if step.operation == "Softmax":  # y is rounded, and so is each product of the sum
        y = step.output[index[0]].astype(np.float64)
        relative = 2 * relative_error(step.inputs[0])[index[0]].max() + (8 + 2 * np.sqrt(len(y))) * U
        return relative * y[index[1]] * (dy[index] + (dy[index[0]] * y).sum())
    if step.operation == "CrossEntropy":
        return (float(relative_error(step.inputs[0]).max()) + 8 * U) * dy / len(op.labels)
    if step.operation == "BatchNorm2d":
        return batch_norm_bound(op, dy, k, index)
    if step.operation == "Tanh":  # y is rounded by the forward pass, but that is the y of the formula
        return 8 * U * dy[index] * op.slope * (op.gain + step.output[index] ** 2 / op.gain) + 1e-40
    if step.operation == "SquaredDistance":  # computed as 2 (sum(dy) x - sum(dy code))
        terms = dy[index[0]] * (abs(step.inputs[0][index]) + np.abs(op.codes[:, index[1]]))
        return 2 * (6 + 2 * np.sqrt(len(terms))) * U * terms.sum()
    algorithm = dict(step.kernels).get(("conv2d_input", "conv2d_weight", "conv2d_bias")[k]) if step.operation == "Conv2d" else ""
    if algorithm == "winograd":
        return (6 + 0.2 * np.sqrt(terms_of_winograd(op, dy, k))) * U * winograd_scale(op, dy, k)[index]
    return sum_bound(e)


def batch_norm_bound(op, dy, k, index):
    """The magnitudes of tests/kernels/test_batch_norm.py, for one channel."""
    c = index[-1]
    inverse = 1 / np.sqrt(float(op.variance[c]) + op.eps)
    dy, normal = dy[..., c], (np.abs(op.x[..., c]) + abs(op.mean[c])) * inverse
    if k == 0:
        at = index[:-1]
        return ROUNDINGS * U * abs(op.gamma[c]) * inverse * (dy[at] + dy.mean() + normal[at] * (dy * normal).mean())
    return ROUNDINGS * U * (dy * (normal if k == 1 else 1)).sum()


def terms_of_winograd(op, dy, k):
    side = 7 - len(op.w)  # of a tile of the weight gradient
    return op.w.shape[3] if k == 0 else dy.shape[0] * -(-dy.shape[1] // side) * -(-dy.shape[2] // side)


def winograd_scale(op, dy, k):
    """The algorithm of the gradient on absolute values."""
    taps, padding = len(op.w), pair("Conv2d", "padding", op.window["padding"], 0)
    if k == 1:
        return winograd_weight(np.abs(op.x).astype(np.float64), dy, padding, taps, ABSOLUTE)
    flipped = np.abs(op.w[::-1, ::-1].transpose(0, 1, 3, 2)).astype(np.float64)
    return winograd(dy, flipped, tuple(taps - 1 - p for p in padding), ABSOLUTE)
