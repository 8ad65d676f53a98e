"""The network as the page runs it: the calls of its operations, each map in memory of its own, for the kernels built for WebAssembly.

`compile` fuses operations and lets maps share memory; here every map of the diagram has to be there when the run ends."""

from collections.abc import Callable
from importlib.resources import files
from typing import Any, NamedTuple

import numpy as np

from ... import kernels
from ...array_types import Array, Shape
from ...compile.layout import Layout
from ...compile.lowering import Call, Lowering, Recipe
from ...compile.rules import RULES
from ...op import Op, key_of
from ...ops.dropout import Dropout
from ...tensor import Tensor
from ..rules import rule_of
from .nodes import Node
from .packing import Pack

MODULE = files(__package__) / "web" / "network" / "kernels.wasm"
JAVASCRIPT = -1  # the kernel of an operation that the page computes by its rule
Facts = dict[str, Any]
Address = tuple[int, int, int]  # struct mg_address


class Calls(Lowering):
    """The calls of all operations.

    of          for each call the operations that it computes
    done_after  operation -> after how many calls its map is there"""

    def __init__(self, layout: Layout, image: Tensor) -> None:
        machine = kernels.native.machine.new("plain", 1)
        super().__init__(layout, {}, machine, Recipe((image.shape,), sparse=False))
        self.image = layout.maps[id(image)]
        self.of: list[list[Op]] = []
        self.done_after: dict[Op, int] = {}

    def add(self, op: Op, calls: Any, kind: str | None = None, name: str | None = None) -> None:
        super().add(op, calls, kind, name)
        self.of += [self.layout.products.get(op, [op])] * len(calls)

    def in_numpy(self, op: Op) -> None:
        """An operation without a kernel runs in JavaScript, if it can."""
        read = [(self.layout.maps[key_of(t)], t.shape) for t in op.inputs if key_of(t) in self.layout.maps]
        if not rule_of(op).runs or not all(map(_is_drawn, (op.y.shape, *(shape for _, shape in read)))):
            raise NotImplementedError(f"its operation {op.name} runs in Python only")
        self.add(op, self.native.python(op.forward, read, self.layout.output(op), op.y.shape))

    def lower_all(self) -> None:
        """Makes the calls; NotImplementedError, which says why, for an operation that the page cannot hold."""
        for op in self.layout.tape:
            if op in self.layout.from_x and op not in self.done:
                rule = RULES.get(type(op))
                if rule is None:
                    self.in_numpy(op)
                else:
                    rule.lower(self, op)
            self.done_after[op] = len(self.steps)


class Memory(NamedTuple):
    """Where everything is. address: of a map, of packed weights, of an array; arena, constants: how many floats these areas have."""

    address: Callable[[Any], Address]
    arena: int
    constants: int


def network(nodes: list[Node], pack: Pack) -> Facts:
    """The facts with which the page runs the network; NotImplementedError, which says why, if it cannot.

    calls      number of an array of words: struct mg_call of each
    count      how many calls
    segments   what runs in turn: {"calls": how many} of them in C, or {"node": number}, whose rule in JavaScript computes its map
    packs      the weights that calls read: see _pack
    constants  [offset, number of an array] of other arrays that calls read
    maps       of each node [area, offset, floats from one pixel to the next, after how many calls it is there]
    sizes      floats of the areas: constants, arena
    module     number of an array: the bytes of the kernels"""
    calls = calls_of(nodes)
    return _facts(nodes, calls, _placed(calls), pack)


def runs(nodes: list[Node]) -> bool:
    """Whether the page can compute the maps of the nodes."""
    try:
        calls_of(nodes)
    except NotImplementedError:
        return False
    return True


def calls_of(nodes: list[Node]) -> Calls:
    """The calls that compute the maps of the nodes from the image; NotImplementedError, which says why, if the page cannot make them."""
    if kernels.native is None or not MODULE.is_file():
        raise NotImplementedError("it was made without the C kernels")
    if nodes[0].y.ndim != 4 or nodes[0].y.shape[0] != 1:
        raise NotImplementedError("its input is not one image")
    random = next((node.step.op.name for node in nodes if node.step and type(node.step.op) is Dropout), None)
    if random:
        raise NotImplementedError(f"its operation {random} is random")
    ops = [node.step.op for node in nodes if node.step]
    x = ops[0].inputs[0]
    layout = Layout(x, [_output(op) for op in ops], {kind for kind, rule in RULES.items() if rule.to_slice})
    calls = Calls(layout, x)
    calls.lower_all()
    return calls


def _output(op: Op) -> Tensor:
    """The tensor of an operation's output: as a result of the network it is computed, and not only what follows from it."""
    y = Tensor(op.y)
    y.op = op
    return y


def _is_drawn(shape: Shape) -> bool:
    """Whether an array is a map of one image or a vector, so that its numbers have a row, a column and a channel."""
    return len(shape) < 3 or (len(shape) == 4 and shape[0] == 1)


def _placed(calls: Calls) -> Memory:
    """Gives every map of the diagram memory of its own; canvases, which are used by two calls, share the rest."""
    arena, steps = kernels.native.arena, calls.steps
    lives = arena.lifetimes([[m.buffer for m in step.maps()] for step in steps], arena.ARENA)
    shown = {m.buffer for m in calls.layout.maps.values()}
    size = arena.allocate({b: (first, len(steps) if b in shown else last) for b, (first, last) in lives.items()})
    starts: dict[int, int] = {}
    end = 0
    for a in (a for step in steps for a in step.constants()):
        starts[id(a)], end = end, end + -(-a.size // arena.ALIGNMENT) * arena.ALIGNMENT

    def address(what: Any) -> Address:
        if what is None:
            return (arena.NOWHERE, 0, 0)
        if id(what) in starts:
            return (arena.CONSTANTS, starts[id(what)], 0)
        return (what.buffer.area, what.buffer.offset + what.first, what.image)

    return Memory(address, size, end)


def _facts(nodes: list[Node], calls: Calls, memory: Memory, pack: Pack) -> Facts:
    number: dict[Op, int] = {node.step.op: i for i, node in enumerate(nodes) if node.step}
    of = [[number[op] for op in ops] for ops in calls.of]
    native, in_c = kernels.native, [i for i, step in enumerate(calls.steps) if step.kernel != JAVASCRIPT]
    words = [native.words.words_of(calls.steps[i], memory.address) for i in in_c]
    packs, constants = [], []
    for i in in_c:
        weights, others = _pack(calls.steps, i, of, memory)
        packs += [weights] if weights else []
        constants += [[memory.address(a)[1], pack.add_exact(a)] for a in others]
    return {
        "calls": pack.add_words(np.array(words, np.uint32)), "count": len(words), "segments": _segments(calls.steps, of), "packs": packs,
        "constants": constants, "maps": [_map(node, calls, memory) for node in nodes], "sizes": [memory.constants, memory.arena],
        "module": pack.add_small(np.frombuffer(MODULE.read_bytes(), np.uint8)),
    }  # fmt: skip


def _pack(steps: list[Call], i: int, of: list[list[int]], memory: Memory) -> tuple[Facts | None, list[Array]]:
    """(the weights of call number i, its other constants).

    The weights, {"kernel", "at", "bias", "nodes", "part", "parts", "side", "groups"}: those of the convolutions `nodes` side by side, of
    their output channels part number `part` of `parts`, packed at `at`. `bias`: where a bias that is not packed goes, or None."""
    step, kinds = steps[i], kernels.native.words.WITH_WEIGHTS
    if step.kernel not in kinds:
        return None, [a for a in step.constants() if isinstance(a, np.ndarray)]
    alike = [j for j, nodes in enumerate(of) if nodes == of[i] and steps[j].kernel == step.kernel]
    s = next(iter(step.settings.values()))
    found = {"kernel": kinds[step.kernel], "at": memory.address(step.w)[1], "nodes": of[i], "part": alike.index(i), "parts": len(alike)}
    bias = None if step.b is None else memory.address(step.b)[1]
    inner = {"side": s.side, "groups": max(s.groups, 1)} if found["kernel"] != "depthwise" else {}
    return found | inner | {"bias": bias}, []


def _segments(steps: list[Call], of: list[list[int]]) -> list[Facts]:
    found: list[Facts] = []
    for step, nodes in zip(steps, of, strict=True):
        if step.kernel == JAVASCRIPT:
            found.append({"node": nodes[0]})
        elif not found or "node" in found[-1]:
            found.append({"calls": 1})
        else:
            found[-1]["calls"] += 1
    return found


def _map(node: Node, calls: Calls, memory: Memory) -> list[int]:
    op = node.step.op if node.step else None
    m = calls.layout.maps[op] if op else calls.image
    area, offset, _ = memory.address(m)
    return [area, offset, m.ld, calls.done_after[op] if op else 0]
