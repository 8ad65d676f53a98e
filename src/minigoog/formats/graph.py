"""A network as a graph of operations: what readers of files make, and what the writer of ONNX files takes. NumPy arrays, no tensors.

Operations, their attributes and layouts (NCHW, OIHW) are ONNX's, of the version `opset`, whatever file they come from.
(https://onnx.ai/onnx/operators)"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

from numpy.typing import NDArray

from ..text import printable, shortened

FreeShape: TypeAlias = tuple[int | None, ...]  # None: an axis of any length
NCHW, NHWC = (0, 3, 1, 2), (0, 2, 3, 1)  # the `perm` of a Transpose of maps NHWC (ours) to NCHW (the graph's), and back


class Node(NamedTuple):
    """One operation.

    op          its type, such as "Conv"
    inputs      names of values; "" stands for an optional one that is absent
    outputs     names of values
    attributes  int, float, str, a tuple of one of these, or an array
    name        of the node, for messages and modules; may be empty"""

    op: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any] = {}  # noqa: B006
    name: str = ""


def described(op: str, name: str, outputs: Any) -> str:
    """How messages call a node: node `name` (Conv), by its first output if it has no name."""
    known = name or next((output for output in outputs if output), "")
    return f"node `{shortened(printable(known), 80)}` ({shortened(printable(op), 40)})"


@dataclass(frozen=True)
class Graph:
    """Nodes in an order in which each reads what earlier ones have written.

    weights   name -> array of each value that the file stores
    inputs    name -> shape of each other input
    outputs   names of the results
    metadata  facts by name, such as the classes
    file      where it comes from, for messages
    shapes    name -> shape of other values, as far as it is known"""

    nodes: tuple[Node, ...]
    weights: dict[str, NDArray[Any]]
    inputs: dict[str, FreeShape]
    outputs: tuple[str, ...]
    opset: int
    metadata: Mapping[str, str] = field(default_factory=dict)
    file: str = ""
    shapes: Mapping[str, FreeShape] = field(default_factory=dict)
