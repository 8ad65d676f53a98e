"""Networks of Caffe: trained ones (.caffemodel), and their descriptions as text (.prototxt), without Caffe.

`wire.py` and `prototxt.py` read the two formats into the messages that `schema.py` lists; `layers.py` makes of both versions of Caffe's
networks the same layers, and `network.py` of these a graph, by `convert.py`, which knows each type of layer."""

import os
from dataclasses import replace

from ...reading import known_kind, limited, open_regular, reading
from ...text import printable
from ..graph import Graph
from . import prototxt as prototxt_reader
from . import wire
from .layers import Layer, layers, pixels, with_blobs
from .network import graph
from .schema import Message

__all__ = ["read"]

PathLike = str | os.PathLike[str]


def read(path: PathLike, prototxt: PathLike | None = None) -> Graph:
    """The network in a .caffemodel file, of version 1 or 2; inputs in the file's order of channels (blue, green, red).

    prototxt: the file that says which layers there are, as for Caffe itself; the .caffemodel gives their weights, by name. Without one,
    the layers are those that the network was trained with, less data layers and losses. Raises DamagedFile, which names the file, and the
    layer if there is one, for anything else, and for layers that are not supported."""
    file = printable(path)
    net = _binary(path, file)
    trained = [with_blobs(layer) for layer in layers(net, file)]
    return described(prototxt, trained) if prototxt is not None else graph(net, trained, pixels(trained), file)


def described(prototxt: PathLike, trained: list[Layer]) -> Graph:
    """The network of a .prototxt file, whose layers have the parameters of trained layers of the same names."""
    file, blobs = printable(prototxt), {layer.name: layer.blobs for layer in trained}
    net = _text(prototxt, file)
    found = [replace(layer, blobs=blobs.get(layer.name, ())) for layer in layers(net, file)]
    return graph(net, found, pixels(trained) | pixels(found), file)


def _binary(path: PathLike, file: str) -> Message:
    """The network in a .caffemodel file."""
    with reading(file, "not a valid .caffemodel file"), open_regular(path) as opened:
        try:
            return wire.read(opened)
        except ValueError as error:
            opened.seek(0)
            if kind := known_kind(opened.read(64)):
                raise ValueError(f"it is {kind}") from error
            raise


def _text(path: PathLike, file: str) -> Message:
    """The network in a .prototxt file."""
    with reading(file, "not a valid .prototxt file"), open_regular(path) as opened:
        return prototxt_reader.read(limited(opened, prototxt_reader.LONGEST).decode("utf-8-sig"))
