"""Where in a model each operation runs, and what it is called after that place."""

import re
from collections import Counter
from contextlib import contextmanager
from typing import NamedTuple

from ...tensor import Tensor


class Place(NamedTuple):
    """A module's dotted name, and whether it has parts."""

    name: str
    has_parts: bool


OUTSIDE = Place("loss", True)
OWN_NAMES = {"BatchNorm2d": "batch_norm", "ReLU": "relu"}


@contextmanager
def noting_places(modules):
    """Within a with-block, fills the dictionary that it gives: operation -> Place of the innermost of the named `modules` it ran in."""
    places, wholes = {}, {name.rpartition(".")[0] for name, _ in modules if name}
    for name, module in modules:
        module.forward = _noting(Place(name, name in wholes), module.forward, places)
    try:
        yield places
    finally:
        for _, module in modules:
            vars(module).pop("forward", None)


def _noting(place, forward, places):
    def noting(*args, **kwargs):
        y = forward(*args, **kwargs)
        for op in _operations(y, args, places):
            places[op] = place
        return y

    return noting


def _operations(y, args, known):
    """The operations between a module's arguments and its result that are not `known`: parts of the module have noted theirs."""
    seen = {x.op for x in args if isinstance(x, Tensor)} | {None}
    waiting = [part.op for part in (y if isinstance(y, tuple) else (y,)) if isinstance(part, Tensor)]
    found = []
    while waiting:
        op = waiting.pop()
        if op in seen:
            continue
        seen.add(op)
        waiting += [x.op for x in op.inputs]
        if op not in known:
            found.append(op)
    return found


def names(tape, places):
    """A name for each operation: that of its module, as parameters are named; "loss" outside of the model.

    Where a module has parts or more than one operation of its own, the operation's name follows: inception3a.concat, c3.connect;
    where that comes again, a number: loss.scale, loss.scale#2."""
    in_place = Counter(places.get(op, OUTSIDE) for op in tape)
    given, counts = {}, Counter()
    for op in tape:
        place = places.get(op, OUTSIDE)
        name = place.name
        if place.has_parts or not name or in_place[place] > 1:
            name = ".".join(filter(None, (name, operation(op))))
        counts[name] += 1
        given[op] = name if counts[name] == 1 else f"{name}#{counts[name]}"
    return given


def operation(op):
    """The name of an operation as the function in `ops` has it: max_pool2d."""
    return OWN_NAMES.get(op.name) or re.sub(r"(?<!^)(?=[A-Z])", "_", op.name).lower()
