"""Random small graphs of ONNX: operations in all the forms that an opset allows, on maps and on what comes of them.

Shapes are onnx's own: an operation that its shape inference refuses is taken back, and another one is tried."""

import math

import numpy as np

LARGEST = 200_000  # values of a result
NCHW_ONLY = ["Conv", "ConvTranspose", "MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool", "BatchNormalization", "LRN",
             "Resize", "Upsample", "DepthToSpace", "SpaceToDepth"]  # fmt: skip


class RandomGraph:
    """The graph of a seed: `proto()` is its model; `shapes`: of all values by name, of which "x" is the input; `outputs`: names;
    `channels`: of maps by name, which axis holds their channels."""

    def __init__(self, seed):
        self.r, self.nodes, self.weights, self.named, self.kinds = np.random.default_rng(seed), [], {}, 0, []
        self.opset, self.channels_last = int(self.r.integers(7, 23)), self.chance(0.2)
        c, h, w = self.one_of(1, 2, 3, 3, 3, 4), *map(int, self.r.integers(3, 11, 2))
        self.shapes = {"x": (1, h, w, c) if self.channels_last else (1, c, h, w)}
        self.channels = {"x": 3 if self.channels_last else 1}
        self.found = [self.add("Transpose", ["x"], perm=[0, 3, 1, 2]) if self.channels_last else "x"]
        for _ in range(int(self.r.integers(1, 13))):
            self._grow()
        found = [name for name in self.found if name != "x"]
        self.outputs = list(dict.fromkeys([*found[-1:], *(self.one_of(*found) for _ in found[:3] if self.chance(0.3))]))

    def proto(self, outputs):
        from onnx import TensorProto, helper, numpy_helper

        values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, self.shapes[name] if name == "x" else None)
                  for name in ("x", *outputs)]  # fmt: skip
        stored = [numpy_helper.from_array(array, name) for name, array in self.weights.items()]
        graph = helper.make_graph(self.nodes, "random", values[:1], values[1:], stored)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=8)

    def _grow(self):
        """One more operation; some are taken back."""
        from onnx.shape_inference import InferenceError

        from .random_operations import OPERATIONS

        often = np.array([weight for weight, *_ in OPERATIONS])
        _, axes, function = OPERATIONS[self.r.choice(len(OPERATIONS), p=often / often.sum())]
        before = len(self.nodes), dict(self.weights), list(self.found)
        try:
            self.found.append(function(self, self.pick(axes)))
            self.kinds.append(function.__name__)
        except (ValueError, LookupError, InferenceError):
            del self.nodes[before[0] :]
            self.weights, self.found = before[1:]

    # ---- what operations are made of ----

    def chance(self, p):
        return bool(self.r.random() < p)

    def one_of(self, *options):
        return options[self.r.integers(len(options))]

    def some(self, low, high, n):
        return [int(k) for k in self.r.integers(low, high, n)]

    def pick(self, axes=None):
        """A value with so many axes, most often the latest."""
        found = [name for name in self.found if axes in (None, len(self.shapes[name]))]
        return found[-1] if self.chance(0.75) else self.one_of(*found)

    def stored(self, array):
        """The name of a constant: a weight, or a node."""
        from onnx import helper, numpy_helper

        self.named += 1
        name = f"w{self.named}"
        if self.chance(0.15):
            self.nodes.append(helper.make_node("Constant", [], [name], value=numpy_helper.from_array(np.asarray(array), name)))
        else:
            self.weights[name] = np.asarray(array)
        return name

    def integers(self, *values):
        return self.stored(np.array(values, np.int64))

    def floats(self, *shape, positive=False, scale=1.0):
        array = self.r.standard_normal(shape, np.float32) * np.float32(scale)
        return self.stored(np.abs(array) + np.float32(0.5) if positive else array)

    def add(self, op, inputs, results=1, **attributes):
        """Adds a node; returns the name of its result, or the names."""
        from onnx import helper
        from onnx.shape_inference import infer_shapes

        names = [f"v{len(self.shapes) + len(self.nodes)}_{i}" for i in range(results)]
        self.nodes.append(helper.make_node(op, inputs, names, name=f"n{len(self.nodes)}" if self.chance(0.8) else "", **attributes))
        inferred = {value.name: value for value in infer_shapes(self.proto([]), strict_mode=True, data_prop=True).graph.value_info}
        for name in names:
            self.shapes[name] = tuple(dim.dim_value for dim in inferred[name].type.tensor_type.shape.dim)
            if not all(self.shapes[name]) or math.prod(self.shapes[name]) > LARGEST:
                raise ValueError("a result of nothing, or a large one")
            self.channels.pop(name, None)  # of a node that was taken back
        if inputs[0] in self.channels and op != "Reshape":
            axis = 1 if op in NCHW_ONLY else self.channels[inputs[0]]
            axis = attributes["perm"].index(axis) if op == "Transpose" else axis
            self.channels |= {name: axis for name in names if len(self.shapes[name]) == 4}
        return names[0] if results == 1 else names

    def with_axes(self, op, x, axes, since=13, **more):
        """A node whose axes are an attribute before an opset, an input from it on."""
        return self.add(op, [x, self.integers(*axes)], **more) if self.opset >= since else self.add(op, [x], axes=axes, **more)

    def reshaped(self, x, shape):
        """A Reshape in one of the ways to say it."""
        shape = list(shape)
        if self.chance(0.2):  # with the number of images from the value itself
            first = self.add("Gather", [self.add("Shape", [x]), self.stored(np.array(0))], axis=0)
            parts = [self.with_axes("Unsqueeze", first, [0]), self.integers(*shape[1:])]
            return self.add("Reshape", [x, self.add("Concat", parts, axis=0)])
        shape[0] = self.one_of(shape[0], 0, -1)
        if -1 not in shape and self.chance(0.3):
            shape[int(self.r.integers(1, len(shape)))] = -1
        return self.add("Reshape", [x, self.integers(*shape)])

    def window(self, pool_since=0):
        """(size, attributes) of a window; pool_since: the opset that gave this kind of pool its dilation, 0 for convolutions."""
        size, chosen, extra = self.some(1, 4, 2), {}, 0 if pool_since else 2
        if self.chance(0.7):
            chosen["strides"] = self.some(1, 4, 2)
        if self.opset >= pool_since and self.chance(0.3):
            chosen["dilations"] = self.some(1, 4, 2)
        gaps = pool_since and ("dilations" in chosen or any(s > k for s, k in zip(chosen.get("strides", size), size, strict=True)))
        if self.chance(0.25) and not gaps:
            chosen["auto_pad"] = self.one_of("SAME_UPPER", "SAME_LOWER", "VALID")
        elif self.chance(0.7):
            chosen["pads"] = [int(self.r.integers(0, k + extra)) for k in size * 2]
        if pool_since and self.opset >= 10 and "auto_pad" not in chosen:
            chosen["ceil_mode"] = int(self.chance(0.4))
        return size, chosen
