"""The same network as an ONNX graph, written from minigoog's weights."""

from typing import Any

import numpy as np
from layers import parts
from onnx import TensorProto, helper, numpy_helper


class _Graph:
    """Nodes and weights as they are added; each method returns the name of its output."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.weights: list[Any] = []

    def add(self, kind: str, *inputs: str, **settings: Any) -> str:
        name = f"{kind}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], **settings))
        return name

    def constant(self, array: Any) -> str:
        name = f"w_{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def conv(self, x: str, layer: Any) -> str:
        w, b = self.constant(layer.weight.data.transpose(3, 2, 0, 1)), self.constant(layer.bias.data)
        return self.add("Relu", self.add("Conv", x, w, b, strides=layer.stride, pads=[*layer.padding, *layer.padding]))

    def pool(self, x: str, size: int, stride: int, padding: int = 0) -> str:
        return self.add("MaxPool", x, kernel_shape=[size] * 2, strides=[stride] * 2, pads=[padding] * 4, ceil_mode=int(padding == 0))

    def inception(self, x: str, module: Any) -> str:
        branches = [
            self.conv(x, module.branch1x1),
            self.conv(self.conv(x, module.branch3x3.reduce), module.branch3x3.conv),
            self.conv(self.conv(x, module.branch5x5.reduce), module.branch5x5.conv),
            self.conv(self.pool(x, 3, 1, 1), module.branch_pool.project),
        ]
        return self.add("Concat", *branches, axis=1)


def onnx_googlenet(model: Any, batch: int) -> Any:
    """The bytes of an ONNX model: input "x" [batch, 3, 224, 224], output the logits. Without auxiliary heads."""
    g = _Graph()
    x = g.pool(g.conv("x", model.conv1), 3, 2)
    x = g.pool(g.conv(g.conv(x, model.conv2.reduce), model.conv2.conv), 3, 2)
    for name, module in parts(model, "inception"):
        x = g.inception(x, module)
        x = g.pool(x, 3, 2) if name[-2:] in ("3b", "4e") else x
    x = g.add("Flatten", g.add("GlobalAveragePool", x))
    y = g.add("Gemm", x, g.constant(model.classifier.weight.data), g.constant(model.classifier.bias.data))
    infos = [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in (("x", [batch, 3, 224, 224]), (y, [batch, 1000]))]
    graph = helper.make_graph(g.nodes, "googlenet", infos[:1], infos[1:], g.weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()
