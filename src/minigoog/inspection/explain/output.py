"""How one number of each operation's output came about: a rule for each operation, from its settings and inputs alone."""

import numpy as np

from .breakdown import Breakdown, add_up, conv_shape_of, copied, kept, pool_shape_of, softmax, spans, targets, weights_of


def conv2d(op, n, i, j, c):
    s = conv_shape_of(op)
    channels = s.cin // s.groups
    first = c // (s.cout // s.groups) * channels  # of the group's input channels
    corner = tuple(position * s.stride[axis] - s.padding[axis] for axis, position in enumerate((i, j)))
    patch = _patch(op.x[n, :, :, first : first + channels], *corner, s.kh, s.kw)
    return _weighted({"patch": patch, "filter": weights_of(op)[..., c]}, op, c, corner)


def linear(op, n, c):
    return _weighted({"x": op.x[n], "column of w": op.w[:, c]}, op, c)


def _weighted(factors, op, c, corner=None):
    bias = op.inputs[2].data[c] if len(op.inputs) == 3 else None
    formula = f"sum({' * '.join(factors)})" + (" + bias" if bias is not None else "")
    return add_up(f"max({formula}, 0)" if op.relu else formula, factors, bias, op.relu, corner)


def _patch(x, top, left, height, width):
    """x[top : top + height, left : left + width] of a map [h, w, c], 0 outside of it."""
    patch = np.zeros((height, width, x.shape[2]), x.dtype)
    starts = max(top, 0), max(left, 0)
    ends = max(min(top + height, x.shape[0]), starts[0]), max(min(left + width, x.shape[1]), starts[1])
    inside = x[starts[0] : ends[0], starts[1] : ends[1]]
    patch[starts[0] - top : ends[0] - top, starts[1] - left : ends[1] - left] = inside
    return patch


def max_pool2d(op, n, i, j, c):
    x = op.inputs[0].data
    rows, columns = spans(pool_shape_of(op), i, j)
    window = x[n, rows, columns, c]
    winner = divmod(int(op.index[n, i, j, c]), x.shape[2])
    parts = {f"largest, at pixel {winner}": float(x[n, *winner, c])}
    return Breakdown("max(window)", {"window": window}, float(window.max()), parts, (rows.start, columns.start))


def avg_pool2d(op, n, i, j, c):
    return _mean(op.inputs[0].data[n, :, :, c], *spans(pool_shape_of(op), i, j))


def global_avg_pool2d(op, n, c):
    return _mean(op.inputs[0].data[n, :, :, c], slice(0, None), slice(0, None))


def adaptive_avg_pool2d(op, n, i, j, c):
    x = op.inputs[0].data[n, :, :, c]
    ((rows, columns),) = [spans for at, *spans in op.windows(*x.shape) if at == (i, j)]
    return _mean(x, rows, columns)


def _mean(x, rows, columns):
    window = x[rows, columns]
    share = np.full(window.shape, 1 / window.size)
    return add_up("sum(window * 1 / pixels)", {"window": window, "1 / pixels": share}, corner=(rows.start, columns.start))


def relu(op, *index):
    return add_up("max(x, 0)", {"x": op.inputs[0].data[index]}, relu=True)


def tanh(op, *index):
    x = float(op.inputs[0].data[index])
    inner = np.tanh(op.slope * x)
    parts = {"slope * x": op.slope * x, "tanh of it": float(inner)}
    return Breakdown("gain * tanh(slope * x)", {"x": np.asarray(x)}, float(op.gain * inner), parts)


def dropout(op, *index):
    return add_up("x * (0, or 1 / (1 - p))", {"x": op.inputs[0].data[index], "0 or 1 / (1 - p)": np.asarray(kept(op, index))})


def reshape(op, *index):
    x = op.inputs[0].data
    source = tuple(int(i) for i in np.unravel_index(np.ravel_multi_index(index, op.y.shape), x.shape))
    return copied(f"x{list(source)}", x[source])


def concat(op, *index):
    k = int(np.searchsorted(op.bounds, index[-1], side="right"))
    source = (*index[:-1], index[-1] - (int(op.bounds[k - 1]) if k else 0))
    return copied(f"input {k}{list(source)}", op.inputs[k].data[source])


def batch_norm(op, *index):
    c = index[-1]
    gamma, beta = (float(vector.data[c]) for vector in op.inputs[1:])
    x = op.x[..., c].astype(np.float64)
    mean, variance = float(x.mean()), float(x.var())
    factors = {"x - mean": x[index[:-1]] - mean, "gamma / sqrt(variance + eps)": np.asarray(gamma / np.sqrt(variance + op.eps))}
    formula = "(x - mean) * gamma / sqrt(variance + eps) + beta"
    breakdown = add_up(f"max({formula}, 0)" if op.relu else formula, factors, beta, op.relu)
    breakdown.parts = {"mean of the channel": mean, "its variance": variance} | breakdown.parts
    return breakdown


def connect(op, ky, kx, i, o):
    (found,) = np.nonzero((op.inputs_of == i) & (op.outputs_of == o))
    if not len(found):
        return Breakdown(f"0: map {o} does not see channel {i}", {}, 0.0)
    return copied(f"kernels{[ky, kx, int(found[-1])]}", op.inputs[0].data[ky, kx, found[-1]])


def add(op, *index):
    return add_up("a + b", {"a and b": np.array([x.data[index] for x in op.inputs])})


def scale(op, *index):
    return add_up("factor * x", {"factor": np.asarray(op.factor), "x": op.inputs[0].data[index]})


def multiply(op, *index):
    return add_up("a * b", {"a": op.inputs[0].data[index], "b": op.inputs[1].data[index]})


def sum_of_all(op):
    return add_up("sum(x)", {"x": op.inputs[0].data})


def channel_affine(op, *index):
    x, a, b = (x.data for x in op.inputs)
    return add_up("a * x + b", {"a": a[index[-1]], "x": x[index]}, b[index[-1]])


def squared_distance(op, n, i):
    difference = op.inputs[0].data[n].astype(np.float64) - op.codes[i]
    return add_up("sum((x - code) * (x - code))", {"x - code": difference, "x - code again": difference})


def softmax_row(op, n, c):
    x = op.inputs[0].data[n].astype(np.float64)
    e = np.exp(x - x.max())
    parts = {"largest x": float(x.max()), "exp(x - largest)": float(e[c]), "sum of all exp(x - largest)": float(e.sum())}
    return Breakdown("exp(x) / sum(exp(x))", {"x": x}, float(e[c] / e.sum()), parts)


def cross_entropy(op):
    x = op.inputs[0].data
    if not len(x):
        return Breakdown("0: an empty batch", {}, 0.0)
    losses = -(targets(op) * np.log(softmax(x))).sum(axis=1)
    shares = np.full(len(x), 1 / len(x))
    return add_up("sum(-sum(target * log(softmax(x))) * 1 / images)", {"loss of each image": losses, "1 / images": shares})


RULES = {
    "AdaptiveAvgPool2d": adaptive_avg_pool2d,
    "Add": add,
    "AvgPool2d": avg_pool2d,
    "BatchNorm2d": batch_norm,
    "ChannelAffine": channel_affine,
    "Concat": concat,
    "Connect": connect,
    "Conv2d": conv2d,
    "CrossEntropy": cross_entropy,
    "Dropout": dropout,
    "GlobalAvgPool2d": global_avg_pool2d,
    "Linear": linear,
    "MaxPool2d": max_pool2d,
    "Multiply": multiply,
    "ReLU": relu,
    "Reshape": reshape,
    "Scale": scale,
    "Softmax": softmax_row,
    "SparseConv2d": conv2d,
    "SquaredDistance": squared_distance,
    "Sum": sum_of_all,
    "Tanh": tanh,
}
