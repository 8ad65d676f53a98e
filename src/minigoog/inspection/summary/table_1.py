"""The paper's table 1 next to numbers computed from its columns."""

import math

from ...text import aligned, shape_text
from .layers import Layer

# row, output, parameters in K (1024, without biases) and operations in millions as printed, and why they are not what the columns
# give; rows without a reason agree to the printed digit.
PRINTED = (
    ("conv1", "112x112x64", 2.7, 34, "printed for a 7x1 and a 1x7 convolution in a row, not a 7x7"),
    ("pool1", "56x56x64", None, None, ""),
    ("conv2", "56x56x192", 112, 360, ""),
    ("pool2", "28x28x192", None, None, ""),
    ("inception3a", "28x28x256", 159, 128, ""),
    ("inception3b", "28x28x480", 380, 304, "printed parameters are 1K too many, or count biases (379.6K)"),
    ("pool3", "14x14x480", None, None, ""),
    ("inception4a", "14x14x512", 364, 73, "printed for 204 3x3 filters, as in the network that Google released"),
    ("inception4b", "14x14x512", 437, 88, "printed for 508 input channels (after 204 in 4a)"),
    ("inception4c", "14x14x512", 463, 100, "printed parameters fit nothing"),
    ("inception4d", "14x14x528", 580, 119, "printed parameters fit nothing"),
    ("inception4e", "14x14x832", 840, 170, "printed parameters fit nothing"),
    ("pool4", "7x7x832", None, None, ""),
    ("inception5a", "7x7x832", 1072, 54, "printed for 48 5x5 reduction filters, as in the network that Google released"),
    ("inception5b", "7x7x1024", 1388, 71, "printed parameters fit nothing"),
    ("pool5", "1x1x1024", None, None, ""),
    ("dropout", "1x1x1024", None, None, ""),
    ("classifier", "1x1x1000", 1000, 1, ""),
)


def paper_table(layers: list[Layer]) -> str:
    """Table 1 as text: output, weights and multiply-adds, printed beside computed; rows that do not agree are marked and explained."""
    rows = [("row", "output", "computed", "params", "computed", "ops", "computed", "")]
    notes: list[str] = []
    for name, output, params, ops, reason in PRINTED:
        parts = [layer for layer in layers if layer.name.split(".")[0] == name]
        weights, multiply_adds = sum(_weights(layer) for layer in parts), sum(layer.multiply_adds for layer in parts)
        if reason:
            notes.append(f"[{len(notes) + 1}] {name}: {reason}")
        printed = ("", "") if params is None else (f"{params:g}K", f"{ops}M")
        computed = ("", "") if params is None else (f"{weights / 1024:.1f}K", f"{multiply_adds / 1e6:.1f}M")
        shape = _output(parts)
        mark = f"[{len(notes)}]" if reason else ""
        rows.append((name, output, shape, printed[0], computed[0], printed[1], computed[1], mark))
    head = "Table 1 of the paper beside what its columns give (1K = 1024; biases left out, as the paper does)"
    return "\n".join([head, "", aligned(rows, right=(3, 4, 5, 6)), *notes])


def _weights(layer: Layer) -> int:
    """Parameters of a convolution or linear layer without its biases, one for each output channel."""
    return layer.parameters - layer.out_shape[-1] if layer.parameters else 0


def _output(parts: list[Layer]) -> str:
    """Output of a table row: height, width, channels; the branches of an Inception module are side by side."""
    ends = [p for p in parts if p.name.count(".") < 2 or p.name.endswith((".conv", ".project"))]
    if parts and parts[0].name.startswith("inception"):
        return shape_text((*parts[-1].out_shape[1:3], sum(p.out_shape[-1] for p in ends)))
    shape = parts[-1].out_shape[1:]
    return shape_text(shape if math.prod(shape) != shape[-1] or len(shape) == 3 else (1, 1, *shape))
