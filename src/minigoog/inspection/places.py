"""Where in a model each operation runs, and what it is called after that place."""

import re
from collections import Counter
from contextlib import contextmanager

from ..tensor import Tensor


@contextmanager
def noting_places(model):
    """Within a with-block, fills the dictionary that it gives: operation -> (name, module) of the innermost module it ran in."""
    places, modules = {}, list(model.named_modules())
    for name, module in modules:
        module.forward = _noting(name, module, places)
    try:
        yield places
    finally:
        for _, module in modules:
            vars(module).pop("forward", None)


def _noting(name, module, places):
    forward = module.forward

    def noting(*args, **kwargs):
        y = forward(*args, **kwargs)
        for op in _operations(y, args, places):
            places[op] = name, module
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
    alone = Counter(places.get(op) for op in tape)
    given, counts = {}, Counter()
    for op in tape:
        name, module = places.get(op, ("loss", None))
        if alone[places.get(op)] > 1 or not name or module is None or any(True for _ in module.children()):
            name = ".".join(filter(None, (name, operation(op))))
        counts[name] += 1
        given[op] = name if counts[name] == 1 else f"{name}#{counts[name]}"
    return given


def operation(op):
    """The name of an operation as the function in `ops` has it: max_pool2d."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", op.name).lower()
