"""A trace of the network whose weights are those that the page stores: rounded to 8 bits or fewer."""

from collections.abc import Iterator
from contextlib import contextmanager

from ...nn import Parameter
from ...tensor import Tensor
from ..inputs import Sample
from ..trace.trace import Trace, trace
from .nodes import Node, nodes_of
from .packing import rounded


@contextmanager
def rounded_network(steps: Trace, sample: Sample, levels: int) -> Iterator[tuple[Trace, Sample]]:
    """Within the with-block the weights of the model are rounded as Pack does it. Yields a trace with them, and its sample, whose image is
    that of the pixels that the page shows, where it is known how images become input.

    So the page runs, explains and differentiates one network, and says that this is not quite the one of the file."""
    weights = {id(t): t for t in _matrices(nodes_of(steps)) if isinstance(t, Parameter)}
    exact = {key: t.data for key, t in weights.items()}
    if sample.preprocess is not None:
        sample = sample._replace(image=sample.preprocess.normalized(sample.pixels))
    try:
        for t in weights.values():
            _, whole, scales = rounded(t.data, levels)
            t.data = whole * scales
        yield trace(sample.model, sample.image, sample.label), sample
    finally:
        for key, t in weights.items():
            t.data = exact[key]


def only_parameters(nodes: list[Node]) -> bool:
    """Whether all weights that the page rounds are the model's own, and none is computed from others."""
    return all(isinstance(t, Parameter) for t in _matrices(nodes))


def _matrices(nodes: list[Node]) -> list[Tensor]:
    """The inputs of operations that are no maps and no vectors."""
    pairs = [pair for node in nodes if node.step for pair in zip(node.step.op.inputs, node.inputs, strict=True)]
    return [t for t, source in pairs if source is None and t.ndim > 1]
