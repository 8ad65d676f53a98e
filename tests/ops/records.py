"""At least one record for each operation: a call that it takes. What must hold for all of them: test_gradients.py, test_records.py."""

from dataclasses import dataclass, field

import numpy as np

import minigoog as mg
from minigoog import ops
from minigoog.kernels.sparse_pattern import SparsePattern
from tests.strategies import distinct


@dataclass
class Call:
    """ops.<function>(its tensors and settings by name). tensors: float64 arrays; of `concat`, the list `xs`.

    images: the tensors whose first axis counts images, which may be none."""

    function: str
    tensors: dict
    settings: dict = field(default_factory=dict)
    images: tuple = ("x",)

    def run(self, *tensors, **other):
        """The result of the call on these tensors in the place of its own."""
        mg.manual_seed(0)  # for the mask of dropout
        given = {"xs": list(tensors)} if self.function == "concat" else dict(zip(self.tensors, tensors, strict=True))
        return getattr(ops, self.function)(**given | self.settings | other)


def apart(seed, *shape):
    """Random numbers at least 0.1 from 0, where ReLU has its kink."""
    a = np.random.default_rng(seed).standard_normal(shape)
    return a + np.where(a < 0, -0.1, 0.1)


def spread(seed, *shape):
    """No two closer than 0.1: no ties for a max pool."""
    return distinct(seed, shape).astype(np.float64) / 10


def call(function, images=("x",), settings=None, **shapes):
    """A Call on arrays of these shapes."""
    return Call(function, {name: apart(i, *shape) for i, (name, shape) in enumerate(shapes.items())}, settings or {}, images)


SPARSE = SparsePattern.from_mask(distinct(8, (3, 3, 2, 3)) > 0)
BLOCKS = SparsePattern.from_mask(distinct(9, (2, 2, 2, 3)) > 8, 16)
LABELS = {"labels": np.array([2, 0, 1])}
SAMPLE_WEIGHTS = np.array([0.5, 2.0, 0.0])
CONNECTIONS = {"inputs": [0, 2, 1], "outputs": [1, 0, 1], "channels": (3, 2)}
POOL = {"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True}
DILATED = {"dilation": (2, 1), "padding": (1, 0, 2, 1)}
NORM = {"gamma": (4,), "beta": (4,)}

RECORDS = {
    "add": call("add", ("a", "b"), a=(2, 3), b=(2, 3)),
    "sub": call("sub", ("a", "b"), a=(2, 3), b=(2, 3)),
    "mul": call("mul", ("a", "b"), a=(2, 3), b=(2, 3)),
    "div": call("div", ("a", "b"), a=(2, 3), b=(2, 3)),
    "add, broadcast": call("add", (), a=(2, 3), b=(3,)),
    "sub, broadcast": call("sub", ("a",), a=(2, 3, 2), b=(3, 1)),
    "mul, broadcast": call("mul", ("a", "b"), a=(2, 1, 1, 3), b=(2, 2, 2, 3)),
    "div, broadcast": call("div", ("a",), a=(2, 1), b=(1, 3)),
    "add a number": call("add", ("a",), {"b": 2.5}, a=(3, 2)),
    "mul by a number": call("mul", ("a",), {"b": -2.5}, a=(2, 3)),
    "number minus": call("sub", ("b",), {"a": 2.5}, b=(3, 2)),
    "number by": call("div", ("b",), {"a": 2.5}, b=(3, 2)),
    "neg": call("neg", ("a",), a=(4,)),
    "power": call("power", settings={"exponent": 3}, x=(3, 2)),
    "sum": call("sum", x=(2, 3, 1)),
    "mean": call("mean", (), x=(3, 2)),
    "index": call("index", (), {"index": (slice(1, None), slice(None, None, 2))}, x=(3, 4)),
    "relu": call("relu", x=(3, 5)),
    "leaky_relu": call("leaky_relu", settings={"negative_slope": 0.2}, x=(3, 5)),
    "tanh": call("tanh", settings={"gain": 1.7159, "slope": 2 / 3}, x=(3, 5)),
    "clip": Call("clip", {"x": spread(0, 4, 5)}, {"low": -0.55, "high": 0.35}),
    "clip below": Call("clip", {"x": spread(0, 4, 5)}, {"low": 0.05}),
    "hard_sigmoid": Call("hard_sigmoid", {"x": 7 * spread(0, 3, 5) + 0.05}, {"alpha": 0.2, "beta": 0.4}),
    "hard_swish": Call("hard_swish", {"x": 7 * spread(0, 3, 5) + 0.05}),
    "sigmoid": call("sigmoid", x=(3, 5)),
    "silu": call("silu", x=(3, 5)),
    "elu": call("elu", settings={"alpha": 1.3}, x=(3, 5)),
    "gelu": call("gelu", x=(3, 5)),
    "gelu, by tanh": call("gelu", settings={"approximate": "tanh"}, x=(3, 5)),
    "prelu": call("prelu", x=(2, 3, 4), slope=(4,)),
    "lrn": call("lrn", settings={"size": 5, "alpha": 0.9, "beta": 0.75, "k": 1.5}, x=(2, 3, 2, 7)),
    "lrn, another power": call("lrn", settings={"size": 3, "alpha": 2.0, "beta": 0.6}, x=(3, 2)),
    "dropout": call("dropout", settings={"p": 0.4}, x=(3, 5)),
    "softmax": call("softmax", x=(3, 5)),
    "log_softmax": call("log_softmax", x=(3, 5)),
    "cross_entropy": call("cross_entropy", (), LABELS, logits=(3, 5)),
    "cross_entropy with label smoothing": call("cross_entropy", (), LABELS | {"label_smoothing": 0.2}, logits=(3, 5)),
    "cross_entropy with sample weights": call("cross_entropy", (), LABELS | {"label_smoothing": 0.1, "sample_weights": SAMPLE_WEIGHTS},
                                              logits=(3, 5)),
    "linear": call("linear", x=(3, 4), w=(4, 2), b=(2,)),
    "linear with relu": call("linear", settings={"relu": True}, x=(3, 4), w=(4, 2), b=(2,)),
    "linear without bias": call("linear", x=(3, 4), w=(4, 2)),
    "conv2d": call("conv2d", settings={"stride": 2, "padding": 1}, x=(2, 5, 4, 3), w=(3, 3, 3, 2), b=(2,)),
    "conv2d with relu": call("conv2d", settings={"relu": True}, x=(1, 4, 4, 2), w=(2, 3, 2, 2), b=(2,)),
    "conv2d without bias, groups": call("conv2d", settings={"padding": (0, 1), "groups": 2}, x=(1, 3, 3, 4), w=(2, 2, 2, 4)),
    "conv2d, dilated, four sides": call("conv2d", settings={"padding": (0, 2, 1, 0), "dilation": (1, 2)},
                                        x=(1, 4, 5, 2), w=(2, 2, 2, 3), b=(3,)),
    "conv2d, depthwise": call("conv2d", settings={"padding": 1, "groups": 3}, x=(2, 4, 3, 3), w=(3, 3, 1, 6), b=(6,)),
    "conv_transpose2d": call("conv_transpose2d", settings={"stride": 2, "padding": 1, "output_padding": (1, 0)},
                             x=(2, 3, 2, 3), w=(3, 4, 2, 3), b=(2,)),
    "conv_transpose2d, dilated, four sides": call("conv_transpose2d", settings={"padding": (0, 2, 1, 0), "dilation": (1, 2)},
                                                  x=(1, 3, 4, 2), w=(3, 2, 3, 2)),
    "conv_transpose2d without bias, groups": call("conv_transpose2d", settings={"groups": 2, "stride": (1, 3)},
                                                  x=(1, 2, 3, 4), w=(2, 2, 1, 4)),
    "sparse_conv2d": call("sparse_conv2d", settings={"pattern": SPARSE, "stride": 2, "padding": 1},
                          x=(2, 5, 4, 2), values=SPARSE.values_shape, b=(3,)),
    "sparse_conv2d in blocks, with relu": call("sparse_conv2d", settings={"pattern": BLOCKS, "relu": True},
                                               x=(1, 4, 4, 2), values=BLOCKS.values_shape),
    "max_pool2d, ceil mode": Call("max_pool2d", {"x": spread(0, 2, 6, 5, 2)}, POOL),
    "max_pool2d, dilated": Call("max_pool2d", {"x": spread(1, 2, 6, 5, 2)}, POOL | DILATED),
    "avg_pool2d, dilated": call("avg_pool2d", settings=POOL | DILATED, x=(2, 6, 5, 2)),
    "avg_pool2d, padding counts": call("avg_pool2d", settings=POOL | {"padding": (1, 0, 2, 1), "count_include_pad": True}, x=(2, 6, 5, 2)),
    "avg_pool2d, ceil mode": call("avg_pool2d", settings=POOL, x=(2, 6, 5, 2)),
    "global_avg_pool2d": call("global_avg_pool2d", x=(2, 3, 4, 2)),
    "adaptive_avg_pool2d, a pair": call("adaptive_avg_pool2d", settings={"output_size": (2, 3)}, x=(2, 5, 4, 2)),
    "adaptive_avg_pool2d": call("adaptive_avg_pool2d", settings={"output_size": 3}, x=(2, 5, 4, 2)),
    "channel_affine": call("channel_affine", x=(2, 3, 2, 4), a=(4,), b=(4,)),
    "batch_norm": call("batch_norm", (), {"eps": 1e-3}, x=(2, 3, 2, 4), **NORM),
    "batch_norm with relu": call("batch_norm", (), {"eps": 1e-3, "relu": True}, x=(5, 4), **NORM),
    "connect": call("connect", (), CONNECTIONS, kernels=(2, 3, 3)),
    "squared_distance": call("squared_distance", settings={"codes": np.sign(apart(7, 5, 4))}, x=(3, 4)),
    "transpose": call("transpose", (), {"axes": (1, 2, 0)}, x=(2, 3, 2)),
    "channel_shuffle": call("channel_shuffle", settings={"groups": 2}, x=(2, 3, 6)),
    "pad": call("pad", settings={"padding": (1, 0, 2, 3), "value": 1.5}, x=(2, 3, 2, 2)),
    "pad, reflect": call("pad", settings={"padding": (1, 2, 2, 0), "mode": "reflect"}, x=(2, 3, 4, 2)),
    "pad, edge": call("pad", settings={"padding": (0, 3, 1, 1), "mode": "edge"}, x=(1, 2, 2, 2)),
    "resize": call("resize", settings={"output_size": (5, 2), "coordinates": "asymmetric", "rounding": "floor"}, x=(2, 3, 4, 2)),
    "resize, linear": call("resize", settings={"output_size": (5, 3), "mode": "linear", "scale": (1.5, 0.8)}, x=(2, 3, 4, 2)),
    "concat": call("concat", ("xs[0]", "xs[1]", "xs[2]"), **{f"xs[{i}]": (1, 2, 2, i + 1) for i in range(3)}),
    "reshape": call("reshape", (), {"shape": (3, 2)}, x=(2, 3)),
    "flatten": call("flatten", x=(2, 3, 2)),
}  # fmt: skip


def tensors(record, dtype=np.float32, requires_grad=True):
    """The tensors of a record, new ones."""
    return [mg.Tensor(a.astype(dtype), requires_grad=requires_grad) for a in record.tensors.values()]
