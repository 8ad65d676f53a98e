"""Files of Caffe for tests, written as Caffe writes them, in both versions of its formats.

The numbers of fields are copied from caffe.proto by hand: they do not come from the reader's."""

import struct
from typing import NamedTuple

import numpy as np


class Layer(NamedTuple):
    """bottoms, tops: strings, names separated by spaces; parameters: {message: {field: value or list}}."""

    type: str
    name: str
    bottoms: str
    tops: str
    parameters: dict = {}
    blobs: tuple = ()


V1 = {"name": 4, "type": 5, "bottom": 2, "top": 3, "blobs": 6, "include": 32, "exclude": 33, "convolution_param": 10, "pooling_param": 19,
      "lrn_param": 18, "inner_product_param": 17, "dropout_param": 12, "concat_param": 9, "relu_param": 30, "eltwise_param": 24,
      "power_param": 21, "softmax_param": 39, "transform_param": 36, "data_param": 11}  # fmt: skip
V2 = {"name": 1, "type": 2, "bottom": 3, "top": 4, "blobs": 7, "include": 8, "exclude": 9, "convolution_param": 106, "pooling_param": 121,
      "lrn_param": 118, "inner_product_param": 117, "dropout_param": 108, "concat_param": 104, "relu_param": 123, "eltwise_param": 110,
      "power_param": 122, "softmax_param": 125, "transform_param": 100, "data_param": 107, "batch_norm_param": 139, "scale_param": 142,
      "bias_param": 141, "prelu_param": 131, "elu_param": 140, "input_param": 143, "reshape_param": 133, "flatten_param": 135}  # fmt: skip
TYPES = {"Concat": 3, "Convolution": 4, "Data": 5, "Dropout": 6, "Flatten": 8, "InnerProduct": 14, "LRN": 15, "Pooling": 17, "ReLU": 18,
         "Sigmoid": 19, "Softmax": 20, "SoftmaxWithLoss": 21, "Split": 22, "TanH": 23, "Eltwise": 25, "Power": 26, "AbsVal": 35,
         "Deconvolution": 39, "Accuracy": 1, "Silence": 36}  # fmt: skip
OLD_NAMES = {"InnerProduct": "INNER_PRODUCT", "SoftmaxWithLoss": "SOFTMAX_LOSS"}
FIELDS = {
    "convolution_param": {"num_output": 1, "bias_term": 2, "pad": 3, "kernel_size": 4, "group": 5, "stride": 6, "weight_filler": 7,
                          "pad_h": 9, "pad_w": 10, "kernel_h": 11, "kernel_w": 12, "stride_h": 13, "stride_w": 14, "axis": 16,
                          "dilation": 18},
    "pooling_param": {"pool": 1, "kernel_size": 2, "stride": 3, "pad": 4, "kernel_h": 5, "kernel_w": 6, "stride_h": 7, "stride_w": 8,
                      "pad_h": 9, "pad_w": 10, "global_pooling": 12, "round_mode": 13},
    "lrn_param": {"local_size": 1, "alpha": 2, "beta": 3, "norm_region": 4, "k": 5},
    "inner_product_param": {"num_output": 1, "bias_term": 2, "axis": 5, "transpose": 6},
    "dropout_param": {"dropout_ratio": 1}, "concat_param": {"concat_dim": 1, "axis": 2}, "relu_param": {"negative_slope": 1},
    "eltwise_param": {"operation": 1, "coeff": 2}, "power_param": {"power": 1, "scale": 2, "shift": 3}, "softmax_param": {"axis": 2},
    "transform_param": {"scale": 1, "mirror": 2, "crop_size": 3, "mean_value": 5}, "data_param": {"source": 1, "batch_size": 4},
    "batch_norm_param": {"use_global_stats": 1, "eps": 3}, "scale_param": {"axis": 1, "num_axes": 2, "bias_term": 4},
    "bias_param": {"axis": 1, "num_axes": 2}, "prelu_param": {"channel_shared": 2}, "elu_param": {"alpha": 1}, "input_param": {"shape": 1},
    "reshape_param": {"shape": 1, "axis": 2, "num_axes": 3}, "flatten_param": {"axis": 1, "end_axis": 2}, "shape": {"dim": 1},
    "include": {"phase": 1, "min_level": 2, "max_level": 3, "stage": 4}, "exclude": {"phase": 1, "stage": 4},
    "weight_filler": {"type": 1, "std": 6},
}  # fmt: skip
ENUMERATIONS = {"MAX": 0, "AVE": 1, "STOCHASTIC": 2, "TRAIN": 0, "TEST": 1, "ACROSS_CHANNELS": 0, "WITHIN_CHANNEL": 1, "CEIL": 0,
                "FLOOR": 1}  # fmt: skip
OPERATIONS = {"PROD": 0, "SUM": 1, "MAX": 2}


# ---- the binary format ----


def varint(n):
    n &= (1 << 64) - 1
    found = b""
    while n > 127:
        found += bytes([n & 127 | 128])
        n >>= 7
    return found + bytes([n])


def field(number, value):
    """One field: an integer, a float, text, or bytes, which are a message."""
    if isinstance(value, float):
        return varint(number << 3 | 5) + struct.pack("<f", value)
    if isinstance(value, (bool, int)):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def message(kind, values):
    """A message of parameters."""
    found = b""
    for name, value in values.items():
        for item in value if isinstance(value, (list, tuple)) else [value]:
            if isinstance(item, dict):
                item = message(name, item)
            elif name == "operation":
                item = OPERATIONS[item]
            elif isinstance(item, str) and item in ENUMERATIONS:
                item = ENUMERATIONS[item]
            found += field(FIELDS[kind][name], item)
    return found


def blob(array, old=False, packed=True, double=False):
    """An array of parameters. old: with four axes, as before `shape` was there."""
    dims = (1,) * (4 - array.ndim) + array.shape
    shape = b"".join(field(i + 1, n) for i, n in enumerate(dims)) if old else field(7, field(1, b"".join(map(varint, array.shape))))
    number, kind, size = (8, "<f8", 8) if double else (5, "<f4", 4)
    data = np.ascontiguousarray(array, kind).tobytes()
    if packed:
        return shape + field(number, data)
    key = varint(number << 3 | (1 if double else 5))
    return shape + b"".join(key + data[i : i + size] for i in range(0, len(data), size))


def layer_bytes(layer, version, **how):
    numbers = V1 if version == 1 else V2
    found = field(numbers["name"], layer.name) + field(numbers["type"], TYPES[layer.type] if version == 1 else layer.type)
    found += b"".join(field(numbers["bottom"], name) for name in layer.bottoms.split())
    found += b"".join(field(numbers["top"], name) for name in layer.tops.split())
    for name, values in layer.parameters.items():
        found += b"".join(field(numbers[name], message(name, part)) for part in (values if isinstance(values, list) else [values]))
    return found + b"".join(field(numbers["blobs"], blob(array, version == 1, **how)) for array in layer.blobs)


def caffemodel(layers, version=2, name="net", inputs=None, **how):
    """The bytes of a .caffemodel. inputs: {name: shape}, as the network itself lists them; how: see blob()."""
    found = field(1, name)
    for shape_of, dims in (inputs or {}).items():
        found += field(3, shape_of) + b"".join(field(4, n) for n in dims)
    return found + b"".join(field(2 if version == 1 else 100, layer_bytes(layer, version, **how)) for layer in layers)


# ---- the text format ----


def text(values, depth=0):
    lines = []
    for name, value in values:
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, (dict, tuple)):
                inner = text(item.items() if isinstance(item, dict) else item, depth + 1)
                lines.append(f"{name} {{\n{inner}{'  ' * depth}}}")
            else:
                lines.append(f"{name}: {_value(name, item)}")
    return "".join("  " * depth + line + "\n" for line in lines)


class Word(str):
    """Text that is written without quotation marks."""


def _value(name, value):
    if isinstance(value, bool):
        return str(value).lower()
    plain = not isinstance(value, str) or isinstance(value, Word) or value in ENUMERATIONS or name == "operation"
    return str(value) if plain else f'"{value}"'


def prototxt(layers, version=2, name="net", inputs=None):
    """A network as text, without its parameters' values."""
    found = [("name", name)]
    for shape_of, dims in (inputs or {}).items():
        found += [("input", shape_of), ("input_dim", list(dims))]
    for layer in layers:
        kind = Word(OLD_NAMES.get(layer.type, layer.type.upper())) if version == 1 else layer.type
        first = [("name", layer.name), ("type", kind), ("bottom", layer.bottoms.split()), ("top", layer.tops.split())]
        found.append(("layers" if version == 1 else "layer", (*first, *layer.parameters.items())))
    return text(found)
