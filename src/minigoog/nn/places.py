"""The module in which each operation of a model runs, and the operation's name, made from that module's."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from ..op import Op
from ..tape import Tape
from ..tensor import Tensor
from .module import Module


class Place(NamedTuple):
    """A module's dotted name, and whether it has parts."""

    name: str
    has_parts: bool


OUTSIDE = Place("loss", True)


@contextmanager
def noting_places(modules: list[tuple[str, Module]]) -> Iterator[dict[Op, Place]]:
    """Within a with-block, fills the dictionary that it yields: operation -> Place of the innermost of the named `modules` it ran in."""
    places: dict[Op, Place] = {}
    wholes = {name.rpartition(".")[0] for name, _ in modules if name}
    for name, module in modules:
        vars(module)["forward"] = _noting(Place(name, name in wholes), module.forward, places)
    try:
        yield places
    finally:
        for _, module in modules:
            vars(module).pop("forward", None)


def _noting(place: Place, forward: Callable[..., Any], places: dict[Op, Place]) -> Callable[..., Any]:
    def noting(*args: Any, **kwargs: Any) -> Any:
        y = forward(*args, **kwargs)
        for op in _operations(y, args, places):
            places[op] = place
        return y

    return noting


def _operations(y: Any, args: Iterable[Any], known: dict[Op, Place]) -> list[Op]:
    """The operations between a module's arguments and its result, without those `known` from parts of the module."""
    seen = {x.op for x in args if isinstance(x, Tensor)}
    waiting = [part.op for part in (y if isinstance(y, tuple) else (y,)) if isinstance(part, Tensor)]
    found: list[Op] = []
    while waiting:
        op = waiting.pop()
        if op is None or op in seen:
            continue
        seen.add(op)
        waiting += [x.op for x in op.inputs]
        if op not in known:
            found.append(op)
    return found


def names(tape: Tape, places: dict[Op, Place], function_name: Callable[[Op], str]) -> dict[Op, str]:
    """A name for each operation: that of its module, dotted as for parameters; "loss" outside of the model.

    If a module has parts, or runs several operations itself, the operation's name is appended: inception3a.concat, c3.connect;
    if that repeats, a number too: loss.scale, loss.scale#2."""
    in_place = Counter(places.get(op, OUTSIDE) for op in tape)
    given: dict[Op, str] = {}
    counts: Counter[str] = Counter()
    for op in tape:
        place = places.get(op, OUTSIDE)
        name = place.name
        if place.has_parts or not name or in_place[place] > 1:
            name = ".".join(filter(None, (name, function_name(op))))
        counts[name] += 1
        given[op] = name if counts[name] == 1 else f"{name}#{counts[name]}"
    return given
