"""How one number of each operation's gradients came about: rules (op, dy, k, *index) for the gradient of input `k`.

The chain rule: everything that a number went into has a gradient; each of these times how much it moves with the number; the sum."""

import numpy as np

from .breakdown import Breakdown, add_up, conv_shape_of, copied, kept, pool_shape_of, softmax, spans, targets, weights_of


def conv2d(op, dy, k, *index):
    return (_conv_input, _conv_weight, _bias)[k](op, _behind_relu(op, dy), *index)


def sparse_conv2d(op, dy, k, *index):
    if k != 1:
        return conv2d(op, dy, k, *index)
    entry, row = (*index, 0)[:2]
    *tap, o = *np.unravel_index(op.pattern.col_indices[entry], op.pattern.shape[:3]), op.pattern.row_of[entry] * op.pattern.block + row
    if o >= op.pattern.shape[3]:
        return Breakdown("0: the last block goes on past the last channel", {}, 0.0)
    return _conv_weight(op, _behind_relu(op, dy), *map(int, tap), int(o))


def _behind_relu(op, dy):
    """The gradient of what came before the ReLU: dz."""
    return np.where(op.y <= 0, op.y.dtype.type(0), dy) if op.relu else dy


def _conv_input(op, dz, n, i, j, c):
    s = conv_shape_of(op)
    group, c = divmod(c, s.cin // s.groups)
    width = s.cout // s.groups
    outputs = slice(group * width, (group + 1) * width)
    # tap ky of the filter put x[i] into output row (i + padding - ky) / stride, if there is such a row
    rows, row_there = _quotients(i + s.padding[0] - np.arange(s.kh), s.stride[0], s.out_h)
    columns, column_there = _quotients(j + s.padding[1] - np.arange(s.kw), s.stride[1], s.out_w)
    there = row_there[:, None, None] & column_there[:, None]
    dz = np.where(there, dz[n, rows][:, columns, outputs], 0)
    return add_up("sum(dz * filter)", {"dz": dz, "filter": weights_of(op)[:, :, c, outputs]})


def _quotients(values, divisor, limit):
    """(values / divisor, whether that is a whole number from 0 to limit - 1); 0 where it is not."""
    good = (values % divisor == 0) & (values >= 0) & (values < limit * divisor)
    return np.where(good, values // divisor, 0), good


def _conv_weight(op, dz, ky, kx, i, o):
    s = conv_shape_of(op)
    channel = o // (s.cout // s.groups) * (s.cin // s.groups) + i
    rows, columns = ky + np.arange(s.out_h) * s.stride[0] - s.padding[0], kx + np.arange(s.out_w) * s.stride[1] - s.padding[1]
    inside = ((rows >= 0) & (rows < s.h))[:, None] & (columns >= 0) & (columns < s.w)
    x = op.x[:, rows.clip(0, s.h - 1)][:, :, columns.clip(0, s.w - 1), channel]
    return add_up("sum(x under the weight * dz)", {"x under the weight": np.where(inside, x, 0), "dz": dz[..., o]})


def _bias(op, dz, c):
    return add_up("sum(dz)", {"dz": dz[..., c]})


def linear(op, dy, k, *index):
    dz = _behind_relu(op, dy)
    if k == 0:
        return add_up("sum(dz * row of w)", {"dz": dz[index[0]], "row of w": op.w[index[1]]})
    if k == 1:
        return add_up("sum(x * dz)", {"x": op.x[:, index[0]], "dz": dz[:, index[1]]})
    return _bias(op, dz, *index)


def max_pool2d(op, dy, k, n, i, j, c):
    s = pool_shape_of(op)
    rows, columns = _covering(s, i, j)
    chosen = op.index[n, rows, columns, c] == i * s.w + j
    return add_up("sum(dy * whether it was the largest)", {"dy": dy[n, rows, columns, c], "largest": chosen.astype(float)})


def avg_pool2d(op, dy, k, n, i, j, c):
    s = pool_shape_of(op)
    rows, columns = _covering(s, i, j)
    heights = [_length(spans(s, row, 0)[0]) for row in range(rows.start, rows.stop)]
    widths = [_length(spans(s, 0, column)[1]) for column in range(columns.start, columns.stop)]
    return add_up("sum(dy * 1 / pixels)", {"dy": dy[n, rows, columns, c], "1 / pixels": 1 / np.outer(heights, widths)})


def _length(span):
    return span.stop - span.start


def _covering(s, i, j):
    """(rows, columns) of the windows of pooling `s` that pixel (i, j) is under."""
    both = zip((i, j), (s.kh, s.kw), s.stride, s.padding, (s.out_h, s.out_w), strict=True)
    return tuple(slice(max(0, -(-(at + pad - size + 1) // step)), min(n, (at + pad) // step + 1)) for at, size, step, pad, n in both)


def global_avg_pool2d(op, dy, k, n, i, j, c):
    _, h, w, _ = op.inputs[0].shape
    return add_up("dy * 1 / pixels", {"dy": dy[n, c], "1 / pixels": np.asarray(1 / (h * w))})


def adaptive_avg_pool2d(op, dy, k, n, i, j, c):
    windows = op.windows(*op.inputs[0].shape[1:3])
    over = [(at, _length(r) * _length(q)) for at, r, q in windows if r.start <= i < r.stop and q.start <= j < q.stop]
    factors = {"dy": np.array([dy[n, *at, c] for at, _ in over]), "1 / pixels": np.array([1 / pixels for _, pixels in over])}
    return add_up("sum(dy * 1 / pixels)", factors)


def batch_norm(op, dy, k, *index):
    c, dz = index[-1], _behind_relu(op, dy)
    if k == 2:
        return _bias(op, dz, c)
    inverse = 1 / np.sqrt(float(op.variance[c]) + op.eps)
    normal, dz = (op.x[..., c] - float(op.mean[c])) * inverse, dz[..., c].astype(np.float64)
    if k == 1:
        return add_up("sum(dz * (x - mean) / sqrt(variance + eps))", {"dz": dz, "(x - mean) / sqrt(variance + eps)": normal})
    scale, at = float(op.gamma[c]) * inverse, index[:-1]
    means = float(dz.mean()), float((dz * normal).mean())
    parts = {"dz": float(dz[at]), "normal = (x - mean) / sqrt(variance + eps)": float(normal[at])}
    parts |= {"mean(dz)": means[0], "mean(dz * normal)": means[1], "gamma / sqrt(variance + eps)": scale}
    formula = "gamma / sqrt(variance + eps) * (dz - mean(dz) - normal * mean(dz * normal))"
    return Breakdown(formula, {}, scale * (dz[at] - means[0] - normal[at] * means[1]), parts)


def relu(op, dy, k, *index):
    return add_up("dy where y > 0", {"dy": dy[index], "y > 0": np.asarray(float(not op.y[index] <= 0))})


def tanh(op, dy, k, *index):
    y = float(op.y[index])
    return add_up("dy * slope * (gain - y * y / gain)", {"dy": dy[index], "slope at y": np.asarray(op.slope * (op.gain - y * y / op.gain))})


def dropout(op, dy, k, *index):
    return add_up("dy * (0, or 1 / (1 - p))", {"dy": dy[index], "0 or 1 / (1 - p)": np.asarray(kept(op, index))})


def reshape(op, dy, k, *index):
    source = tuple(int(i) for i in np.unravel_index(np.ravel_multi_index(index, op.inputs[0].shape), dy.shape))
    return copied(f"dy{list(source)}", dy[source])


def concat(op, dy, k, *index):
    source = (*index[:-1], index[-1] + (int(op.bounds[k - 1]) if k else 0))
    return copied(f"dy{list(source)}", dy[source])


def connect(op, dy, k, ky, kx, i):
    source = (ky, kx, int(op.inputs_of[i]), int(op.outputs_of[i]))
    return copied(f"dy{list(source)}", dy[source])


def add(op, dy, k, *index):
    return copied(f"dy{list(index)}", dy[index])


def scale(op, dy, k, *index):
    return add_up("factor * dy", {"factor": np.asarray(op.factor), "dy": dy[index]})


def multiply(op, dy, k, *index):
    return add_up("dy * the other", {"dy": dy[index], "the other": op.inputs[1 - k].data[index]})


def sum_of_all(op, dy, k, *index):
    return copied("dy", dy)


def channel_affine(op, dy, k, *index):
    x, a, _ = (x.data for x in op.inputs)
    if k == 0:
        return add_up("dy * a", {"dy": dy[index], "a": a[index[-1]]})
    return add_up("sum(dy * x)", {"dy": dy[..., index[0]], "x": x[..., index[0]]}) if k == 1 else _bias(op, dy, *index)


def squared_distance(op, dy, k, n, i):
    differences = op.inputs[0].data[n, i] - op.codes[:, i].astype(np.float64)
    return add_up("sum(2 * (x - code) * dy)", {"2 (x - code)": 2 * differences, "dy": dy[n]})


def softmax_row(op, dy, k, n, c):
    y = softmax(op.inputs[0].data[n : n + 1])[0]
    mean = float(dy[n] @ y)
    parts = {"y": float(y[c]), "dy": float(dy[n, c]), "sum(y * dy)": mean}
    return Breakdown("y * (dy - sum(y * dy))", {"y": y, "dy": dy[n]}, float(y[c] * (dy[n, c] - mean)), parts)


def cross_entropy(op, dy, k, n, c):
    factors = {"softmax(x)": softmax(op.inputs[0].data[n : n + 1])[0, c], "target": targets(op)[n, c]}
    difference = np.asarray(factors["softmax(x)"] - factors["target"])
    breakdown = add_up("(softmax(x) - target) * dy / images", {"softmax(x) - target": difference, "dy / images": dy / len(op.labels)})
    breakdown.parts = {name: float(number) for name, number in factors.items()}
    return breakdown


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
    "SparseConv2d": sparse_conv2d,
    "SquaredDistance": squared_distance,
    "Sum": sum_of_all,
    "Tanh": tanh,
}
