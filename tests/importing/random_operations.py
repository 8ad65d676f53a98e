"""The operations of random graphs, each in the forms that it has: a function (graph, x) -> the name of its result, x a value.

Combinations that onnx's shape inference refuses may occur: they are taken back."""

import math

import numpy as np

SETTINGS = {"LeakyRelu": {"alpha": 0.3}, "Elu": {"alpha": 0.7}, "HardSigmoid": {"alpha": 0.3, "beta": 0.4}, "Gelu": {"approximate": "tanh"}}
OPERATIONS = []  # (how often, axes that `x` must have or None, function)


def operation(often, axes=None):
    def entered(function):
        OPERATIONS.append((often, axes, function))
        return function

    return entered


# ---- on maps ----


@operation(8, 4)
def conv(g, x):
    channels = g.shapes[x][1]
    groups = g.one_of(1, 1, channels, *(n for n in range(1, channels + 1) if channels % n == 0))
    outputs, (size, chosen) = groups * g.one_of(1, 2, 3) if groups > 1 else g.one_of(1, 2, 3, 4, 6), g.window()
    inputs = [x, g.floats(outputs, channels // groups, *size, scale=1 / math.sqrt(channels // groups * math.prod(size)))]
    return g.add("Conv", inputs + [g.floats(outputs)] * g.chance(0.5), group=groups, **chosen)


@operation(2, 4)
def conv_transpose(g, x):
    channels, size, chosen = g.shapes[x][1], g.some(1, 4, 2), {"strides": g.some(1, 4, 2)}
    groups = g.one_of(1, 1, *(n for n in range(1, channels + 1) if channels % n == 0))
    if g.chance(0.5):
        chosen["pads"] = [int(g.r.integers(0, k)) for k in size * 2]
    elif g.opset >= 11 and g.chance(0.3):
        chosen["auto_pad"] = g.one_of("SAME_UPPER", "SAME_LOWER", "VALID")
    if g.chance(0.3):
        chosen["output_padding"] = [int(g.r.integers(0, s)) for s in chosen["strides"]]
    inputs, outputs = [x, g.floats(channels, 2, *size, scale=1 / channels)], 2 * groups
    return g.add("ConvTranspose", inputs + [g.floats(outputs)] * g.chance(0.5), group=groups, **chosen)


@operation(4, 4)
def max_pool(g, x):
    size, chosen = g.window(10)
    return g.add("MaxPool", [x], kernel_shape=size, **chosen)


@operation(4, 4)
def average_pool(g, x):
    size, chosen = g.window(19)
    return g.add("AveragePool", [x], kernel_shape=size, count_include_pad=int(g.chance(0.4)), **chosen)


@operation(1.5, 4)
def global_pool(g, x):
    if g.chance(0.4):
        return g.add(g.one_of("GlobalAveragePool", "GlobalMaxPool"), [x])
    return g.with_axes("ReduceMean", x, g.one_of([2, 3], [-1, -2], [3, 2]), 18, keepdims=g.one_of(0, 1))


@operation(4)
def batch_norm(g, x):
    c = g.shapes[x][1]
    return g.add("BatchNormalization", [x, g.floats(c), g.floats(c), g.floats(c), g.floats(c, positive=True)], epsilon=g.one_of(1e-5, 1e-3))


@operation(1, 4)
def lrn(g, x):
    return g.add("LRN", [x], size=g.one_of(1, 3, 5), alpha=float(g.r.random()), beta=g.one_of(0.5, 0.75), bias=g.one_of(1.0, 2.0))


@operation(3, 4)
def pad(g, x):
    mode, (height, width) = g.one_of("constant", "constant", "reflect", "edge"), g.shapes[x][2:]
    sizes, value = g.some(0, min(3, height, width), 4), g.one_of(0.0, 1.5)
    if mode == "constant" and min(height, width) > 5 and g.chance(0.1):
        sizes = [-n for n in sizes]
    every = [0, 0, *sizes[:2], 0, 0, *sizes[2:]]
    if g.opset < 11:
        return g.add("Pad", [x], pads=every, mode=mode, value=value)
    if g.opset >= 18 and g.chance(0.4):
        return g.add("Pad", [x, g.integers(*sizes), g.stored(np.float32(value)), g.integers(2, 3)], mode=mode)
    return g.add("Pad", [x, g.integers(*every), g.stored(np.float32(value))], mode=mode)


@operation(3, 4)
def resize(g, x):
    shape, mode, factors = g.shapes[x], g.one_of("nearest", "linear"), [g.one_of(1.0, 2.0, 1.5, 3.0, 0.5, 0.7, 2.3) for _ in "hw"]
    scales = np.array([1, 1, *factors], np.float32)
    if g.opset < 9:
        return g.add("Upsample", [x], scales=[1.0, 1.0, *map(math.ceil, factors)], mode="nearest")
    if g.opset < 11:
        return g.add("Resize" if g.opset == 10 else "Upsample", [x, g.stored(scales if g.opset == 10 else np.ceil(scales))], mode=mode)
    chosen = {"coordinate_transformation_mode": g.one_of("half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel")}
    if mode == "nearest":
        chosen["nearest_mode"] = g.one_of("round_prefer_floor", "round_prefer_ceil", "floor", "ceil")
    none = "" if g.opset >= 13 else g.stored(np.zeros(0, np.float32))
    if g.chance(0.5):
        return g.add("Resize", [x, none, g.stored(scales)], mode=mode, **chosen)
    sizes = g.integers(*shape[:2], *(max(1, round(n * factor)) for n, factor in zip(shape[2:], factors, strict=True)))
    return g.add("Resize", [x, none, none, sizes], mode=mode, **chosen)


@operation(1.5, 4)
def depth(g, x):
    if g.shapes[x][1] % 4:
        return g.add("SpaceToDepth", [x], blocksize=2)
    return g.add("DepthToSpace", [x], blocksize=2, **({"mode": g.one_of("DCR", "CRD")} if g.opset >= 11 else {}))


@operation(1.5, 4)
def shuffle(g, x):
    _, c, h, w = g.shapes[x]
    groups = g.one_of(*(n for n in range(1, c + 1) if c % n == 0))
    return g.reshaped(g.add("Transpose", [g.reshaped(x, (1, groups, c // groups, h, w))], perm=[0, 2, 1, 3, 4]), (1, c, h, w))


@operation(2, 4)
def channels_last(g, x):
    """Some operations between two transpositions."""
    x = g.add("Transpose", [x], perm=[0, 2, 3, 1])
    for _ in range(int(g.r.integers(0, 3))):
        g.found.append(x)
        x = g.one_of(with_constant, activation)(g, x)
    return g.add("Transpose", [x], perm=[0, 3, 1, 2])


# ---- of each value ----


@operation(6)
def activation(g, x):
    op, chosen = g.one_of("Clip", "PRelu", "Relu", "Sigmoid", "Tanh", "Neg", "Identity", "Dropout", "HardSwish", *SETTINGS), {}
    if op in SETTINGS and g.chance(0.5):
        chosen = SETTINGS[op]
    if op == "Clip":
        low, high = g.one_of((0, 6), (-1, 1), (0, None), (None, 1), (-0.5, 2))
        if g.opset < 11:
            return g.add(op, [x], **{name: float(n) for name, n in (("min", low), ("max", high)) if n is not None})
        return g.add(op, [x, *("" if n is None else g.stored(np.float32(n)) for n in (low, high))])
    c, ones = g.shapes[x][1], (1,) * (len(g.shapes[x]) - 2)
    return g.add(op, [x] + [g.floats(*g.one_of((c, *ones), (1, c, *ones), (1,)))] * (op == "PRelu"), **chosen)


@operation(2)
def gated(g, x):
    """SiLU and hard swish, spelled out."""
    if g.chance(0.5):
        return g.add("Mul", [x, g.add("Sigmoid", [x])])
    shifted = g.add("Add", [x, g.stored(np.float32(3))])
    bounds = [g.stored(np.float32(n)) for n in (0, 6)]
    clipped = g.add("Clip", [shifted, *bounds]) if g.opset >= 11 else g.add("Clip", [shifted], min=0.0, max=6.0)
    return g.add("Div", [g.add("Mul", [x, clipped]), g.stored(np.float32(6))])


@operation(2)
def softmax(g, x):
    n = len(g.shapes[x])
    return g.add(g.one_of("Softmax", "LogSoftmax"), [x], axis=g.one_of(*range(1, n), *range(1 - n, 0)))


@operation(8)
def with_constant(g, x):
    """One to three sums or products with constants that are broadcast."""
    for _ in range(g.one_of(1, 1, 2, 3)):
        shape = g.shapes[x]
        tail = shape[int(g.r.integers(1, len(shape) + 1)) :]
        mixed = tuple(n if g.chance(0.6) else 1 for n in tail)
        c = g.floats(*g.one_of((), (1,), mixed, tail, (shape[1], *(1,) * (len(shape) - 2))), positive=True)
        op = g.one_of("Add", "Sub", "Mul", "Div")
        x = g.add(op, [c, x] if op != "Div" and g.chance(0.3) else [x, c])
    return x


@operation(5)
def of_two(g, x):
    y = g.one_of(*(name for name in g.found if len(g.shapes[name]) == len(g.shapes[x])))
    op = g.one_of("Add", "Add", "Sub", "Mul", "Sum", "Max", "Div")
    if op == "Div":
        y = g.add("Add", [g.add("Sigmoid", [y]), g.stored(np.float32(0.5))])
    return g.add(op, [x, y, x] if op in ("Sum", "Max") and g.chance(0.3) else [y, x] if op in ("Add", "Sub", "Mul") else [x, y])


# ---- of parts, and of shapes ----


@operation(3)
def concat(g, x):
    axis = int(g.r.integers(1, len(g.shapes[x])))
    others = [name for name in g.found if np.delete(g.shapes[name], axis if len(g.shapes[name]) == len(g.shapes[x]) else [0]).tolist()
              == np.delete(g.shapes[x], axis).tolist()]  # fmt: skip
    inputs = [g.one_of(*others) for _ in range(int(g.r.integers(1, 4)))] + [x]
    return g.add("Concat", inputs, axis=axis - len(g.shapes[x]) if g.opset >= 11 and g.chance(0.3) else axis)


@operation(3)
def slice_(g, x):
    starts, ends, steps, n = [], [], [], len(g.shapes[x])
    axes = [int(axis) + 1 for axis in g.r.permutation(n - 1)[: int(g.r.integers(1, n))]]
    for size in (g.shapes[x][axis] for axis in axes):
        step, first = g.one_of(1, 1, 1, 2, 3, *([-1, -2] if g.opset >= 10 else [])), int(g.r.integers(0, size))
        last = g.one_of(int(g.r.integers(first + 1, size + 1)), 2**31 - 1, 2**63 - 1) if step > 0 else g.one_of(-(2**31), -size - 1)
        starts.append(first - size if g.chance(0.3) else first)
        ends.append(last)
        steps.append(step)
    if g.opset < 10:
        return g.add("Slice", [x], starts=starts, ends=ends, axes=axes)
    return g.add("Slice", [x, *(g.integers(*numbers) for numbers in (starts, ends, axes, steps))])


@operation(2)
def split(g, x):
    axis = int(g.r.integers(1, len(g.shapes[x])))
    size = g.shapes[x][axis]
    first = int(g.r.integers(1, size)) if size % 2 or g.chance(0.5) else size // 2
    sizes = [first, size - first]
    inputs, chosen = ([x, g.integers(*sizes)], {}) if g.opset >= 13 else ([x], {"split": sizes})
    one, other = g.add("Split", inputs, 2, axis=axis, **chosen)
    g.found.append(one)
    return other


@operation(2)
def gather(g, x):
    axis = int(g.r.integers(1, len(g.shapes[x])))
    size = g.shapes[x][axis]
    indices = g.r.integers(-size if g.opset >= 11 else 0, size, g.one_of((), 1, 2, 4))
    return g.add("Gather", [x, g.stored(np.asarray(indices, np.int64))], axis=axis)


@operation(2.5)
def transpose(g, x):
    return g.add("Transpose", [x], perm=[0, *(int(axis) + 1 for axis in g.r.permutation(len(g.shapes[x]) - 1))])


@operation(3)
def reshape(g, x):
    shape = g.shapes[x]
    n, ones = math.prod(shape[1:]), [axis for axis, size in enumerate(shape) if axis and size == 1]
    a = g.one_of(*(k for k in range(1, n + 1) if n % k == 0))
    b = g.one_of(*(k for k in range(1, n // a + 1) if (n // a) % k == 0))
    how = g.one_of("flatten", (1, n), (1, a, n // a), (1, a, b, n // a // b), "unsqueeze", *["squeeze"][: len(ones)])
    if how == "flatten":
        return g.add("Flatten", [x])
    if how == "unsqueeze":
        return g.with_axes("Unsqueeze", x, [int(g.r.integers(1, len(shape) + 1))])
    return g.with_axes("Squeeze", x, ones[: g.one_of(1, 2)]) if how == "squeeze" else g.reshaped(x, how)


@operation(3)
def linear(g, x):
    if len(g.shapes[x]) != 2 and g.chance(0.8):
        x = g.add("Flatten", [x])
    n, outputs, flat = g.shapes[x][-1], g.one_of(1, 2, 3, 5, 7), len(g.shapes[x]) == 2
    if flat and g.chance(0.7):
        transposed = g.one_of(0, 1)
        w = g.floats(*((outputs, n) if transposed else (n, outputs)), scale=1 / math.sqrt(n))
        return g.add("Gemm", [x, w, g.floats(*g.one_of((outputs,), (1, outputs), (1,), ()))], transB=transposed, alpha=g.one_of(1.0, 0.7))
    y = g.add("MatMul", [x, g.floats(n, outputs, scale=1 / math.sqrt(n))])
    return g.add("Add", [y, g.floats(outputs)]) if g.chance(0.5) else y
