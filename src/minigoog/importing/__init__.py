"""Networks of other systems, as Modules made of this package's operations.

A Graph from `minigoog.formats` is resolved for each shape of input: what computes shapes is folded, maps become NHWC, and a program of
operations is left, which runs on the tape. Parameters are made once, each in a module named as in the file."""

from ..formats.graph import Graph
from .classes import with_classes
from .network import ImportedNetwork

__all__ = ["ImportedNetwork", "network", "with_classes"]


def network(graph: Graph) -> ImportedNetwork:
    """The network of a graph, in evaluation mode.

    Normalisation with stored statistics, and other constant factors and summands of channels, are in the weights of the layer before
    them where nothing else reads that layer's result. ValueError, naming file and node, for what is not supported."""
    return ImportedNetwork(graph)
