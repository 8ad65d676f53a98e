"""What fuzz.py gives the kernels of bf16 and of bytes: arrays of the types and shapes that they take, mostly, with any bits."""

import numpy as np

from minigoog.kernels.native import bf16, bf16_training, bf16_winograd, int8
from minigoog.kernels.shapes import conv_shape, pool_shape

TRAINING = ("conv2d", "conv2d_input", "conv2d_weight", "max_pool2d", "max_pool2d_backward", "relu_bias_backward")
FUNCTIONS = {f"bf16.{name}": getattr(bf16_training, name) for name in TRAINING} | {
    name: getattr(module, name) for module, names in (
        (bf16, ("to_bf16", "from_bf16", "bf16_conv2d", "bf16_max_pool2d", "bf16_avg_pool2d")), (bf16_winograd, ("bf16_conv2d_winograd",)),
        (int8, ("quantize", "quantize_image", "dequantize", "int8_conv2d", "int8_max_pool2d", "int8_avg_pool2d")),
    ) for name in names
}  # fmt: skip
CHOICES = {
    "limits": ((0.0, 255.0), (-np.inf, np.inf), (0.0, np.inf), (0.5, 6.0), (1.0, 0.0), (np.nan, 1.0)),
    "fill": (0, 3, 255, 256, -1, 1.5), "zero": (0, 128, 255, 256, -1, None),
    "sides": ((0, 0, 0, 0), (1, 2, 3, 0), (-1, 0, 0, 0), (1, 2), 1.5),
    "to_float": (False, True), "to_bf16": (False, True), "algorithm": ("auto", "direct", "pairs", "winograd"),
}  # fmt: skip


def types_of(where):
    """{argument: types} of a function."""
    if where.startswith(("int8", "dequantize")):
        return {"x": "u1", "w": "i1", "bias": "i4", "factors": "f4", "codes": "u1", "out": ("u1", "f4")}
    if where.startswith("bf16."):
        pools = "pool" in where
        return {"x": "u2" if pools else ("u2", "f4"), "y": "u2", "index": "u1", "out": "u2" if pools else ("u2", "f4")}
    return {"x": "f4" if where in ("to_bf16", "quantize", "quantize_image") else "u2", "out": ("u2", "f4"),
            "w": "f4" if "winograd" in where else "u2", "scales": "f8", "zeros": "f8"}  # fmt: skip


def numbers(r, shape, dtype):
    """Any numbers of this type, with NaN and infinity in bf16; sometimes a slice of a wider map, or in another order."""
    dtype, layout = np.dtype(dtype), r.random()
    if layout < 0.2 and shape:
        return numbers(r, (*shape[:-1], shape[-1] + 3), dtype)[..., 1:-2]
    if layout < 0.25:
        return np.asfortranarray(numbers(r, shape, dtype))
    if dtype.kind == "f":
        return r.standard_normal(shape).astype(dtype)
    return r.integers(np.iinfo(dtype).min, np.iinfo(dtype).max, shape, dtype, endpoint=True)


def shapes(r, where, kwargs):
    """(shape of x, of w): small ones, or such that Winograd's algorithm is chosen."""
    window = tuple(int(n) for n in r.integers(1, 4, 2))
    channels = int(r.choice([1, 2, 3, 4, 5, 16, 33]))
    if "winograd" in where or r.random() < 0.2:
        window = (3, 3)
        if r.random() < 0.5:
            kwargs |= {name: 1 for name in ("stride", "dilation", "groups") if name in kwargs}
            return (5, 14, int(r.integers(13, 19)), 36), (*window, 36, 40)
    if "groups" in kwargs and r.random() < 0.2:
        kwargs["groups"], in_group = channels, 1
    else:
        in_group = channels
    n, h, w = (int(r.integers(low, high)) for low, high in ((0, 3), (1, 9), (1, 9)))
    return (n, h, w, channels), (*window, in_group, channels * int(r.integers(1, 4)))


def fitting(r, where, kwargs):
    """Makes the arguments of a call fit: their shapes, and nearly always their types."""
    kwargs |= {name: values[int(r.integers(len(values)))] for name, values in CHOICES.items() if name in kwargs}
    x_shape, w_shape = shapes(r, where, kwargs)
    found = {"x": x_shape, "codes": x_shape, "w": w_shape, "y": x_shape, "dy": x_shape, "out": x_shape, "accumulate": x_shape}
    found |= dict.fromkeys(("b", "bias", "factors"), w_shape[3:])
    if where == "quantize_image":
        found["x"] = (*x_shape[:3], int(r.integers(1, 6)))
        found |= {"scales": found["x"][3:], "zeros": found["x"][3:]}
    kwargs |= {name: shape for name, shape in (("x_shape", x_shape), ("w_shape", w_shape)) if name in kwargs}
    types = types_of(where)
    window = {name: kwargs[name] for name in ("stride", "padding", "dilation", "groups", "kernel_size", "ceil_mode") if name in kwargs}
    try:
        if "conv" in where:
            s = conv_shape(where, x_shape, w_shape, **{"stride": 1, "padding": 0} | window)
            found |= {"out": s.y, "dz": s.y}
            types["dz"] = "f4" if bf16_training.by_winograd(s) else "u2"
        elif "pool" in where:
            s = pool_shape(where, x_shape, **{"stride": None, "padding": 0} | window)
            found |= {"out": s.y, "dy": s.y, "index": s.y}
    except (TypeError, ValueError):
        return
    for name in kwargs:
        if name in found and not (name in ("b", "out", "accumulate") and r.random() < 0.5):
            dtype = types.get(name, "f4")
            dtype = dtype if isinstance(dtype, str) else str(r.choice(dtype))
            kwargs[name] = numbers(r, found[name], dtype if r.random() < 0.97 else r.choice(["f4", "u2", "u1", "f8"]))
            if name in ("scales", "zeros"):
                kwargs[name] = np.abs(kwargs[name])
