"""The data of the page: the facts about every operation as JSON, and every array in a Pack."""

import math
from dataclasses import asdict
from typing import Any

import numpy as np

from ...array_types import Array, Shape
from ...op import Op
from ...ops.arithmetic import Add
from ..inputs import Sample
from ..rules import has_rule, input_names, rule_of
from ..trace.forks import Fork, forks, module_name, outermost
from ..trace.step import Step
from ..trace.trace import Trace
from . import breakdowns, running, words
from .evidence import WHY_NOT, evidence
from .layout import Spot, layout
from .nodes import Node, nodes_of
from .packing import Pack
from .rounding import only_parameters

BEST = 5  # classes whose probability and evidence are shown
Facts = dict[str, Any]


def page_data(
    steps: Trace, sample: Sample, levels: int | None = None, most_weights: float = math.inf, recorded: bool = True, gradients: bool = True
) -> tuple[Facts, Pack]:
    """(facts for JSON, the Pack of the arrays that they refer to by number) of a Trace.

    `levels`: how finely weights are rounded, see Pack; of more than `most_weights` the largest arrays are left out.
    Without `recorded` there are no outputs in the Pack if the page can compute them; without `gradients` there are none."""
    nodes = [node if gradients else node._replace(dy=None, back=None) for node in nodes_of(steps)]
    _check_finite(nodes)
    weights = _weights(nodes)
    kept = _within(weights, most_weights)
    pack = Pack(levels)
    arrays = {name: pack.add_weights(w) if name in kept else None for name, w in weights.items()}
    network, why_not = _network(nodes, pack, whole=len(kept) == len(weights))
    maps = _maps(nodes, pack, recorded or network is None)
    logits = steps.logits
    spots = layout(*_graph(nodes))
    facts: Facts = {
        "about": sample.about.split("\n"),
        "model": sample.name,
        "levels": levels,
        "nodes": [_node(nodes, i, spots[i], maps[i], arrays, pack, logits) for i in range(len(nodes))],
        "frames": _frames(nodes),
        "colours": sample.colours,
        "pixels": pack.add_small(sample.pixels),
        "verdict": _verdict(nodes, logits, sample),
        "leftOut": [name for name in weights if name not in kept] + ["all gradients"] * (not gradients),
        "weightSteps": sum(step.receptive_field is None for step in steps.forward),
        "network": network,
        "whyNot": why_not,
        "preprocess": asdict(sample.preprocess) if sample.preprocess else None,
    }
    return facts | {"arrays": pack.arrays}, pack


def _network(nodes: list[Node], pack: Pack, whole: bool) -> tuple[Facts | None, str]:
    """(with what the page runs the network, or None; why it does not). `whole`: the page has all weights."""
    if not whole:
        return None, f"its {sum(node.step.parameters for node in nodes if node.step):,} weights are too many for one file"
    if pack.levels is not None and not only_parameters(nodes):
        return None, "it computes weights from others, and is too large for a page without rounded weights"
    try:
        return running.network(nodes, pack), ""
    except NotImplementedError as error:
        return None, str(error)


def _check_finite(nodes: list[Node]) -> None:
    arrays: list[tuple[str, str, Array | None]] = [("output", node.name, node.y) for node in nodes]
    arrays += [("gradient", node.name, node.dy) for node in nodes]
    for what, name, array in arrays:
        if array is not None and not np.isfinite(array).all():
            raise ValueError(f"page: the {what} of {name} has values that are not finite, expected finite values")


def _weights(nodes: list[Node]) -> dict[str, Array]:
    """{"node: name": array} of the inputs of operations that are not maps."""
    return {
        f"{node.name}: {name}": rule_of(node.step.op).weights(node.step.op, k)
        for node in nodes
        if node.step
        for k, (name, source) in enumerate(zip(input_names(node.step.op), node.inputs, strict=True))
        if source is None
    }


def _within(weights: dict[str, Array], budget: float) -> set[str]:
    """The names of the weights to keep within a number of values: the largest are left out first; of equal sizes, the earlier."""
    late_first = list(weights)[::-1]
    kept = sorted(late_first, key=lambda name: weights[name].size)
    while kept and sum(weights[name].size for name in kept) > budget:
        kept.pop()
    return set(kept)


def _slice_of(nodes: list[Node], node: Node) -> tuple[int, int] | None:
    """(number of a concatenation, first channel) if the node's output is a slice of it that nothing else reads; else None."""
    number = next(i for i, other in enumerate(nodes) if other is node)
    users = [(i, user) for i, user in enumerate(nodes) if number in user.inputs]
    if len(users) != 1 or not _joins(users[0][1]):
        return None
    i, user = users[0]
    k = user.inputs.index(number)
    return i, sum(nodes[source].y.shape[-1] for source in user.inputs[:k] if source is not None)


def _joins(node: Node) -> bool:
    """Whether a node puts the channels of several maps side by side."""
    return node.step is not None and rule_of(node.step.op).joins


def _maps(nodes: list[Node], pack: Pack, recorded: bool) -> list[Facts]:
    """For each node {"y": where the page finds its output, "dy": its gradient}. Each is one of

    {"array": number, "from": channel}  in the pack
    {"parts": numbers of nodes}         their maps side by side
    {"input": number of a node}         what the node's operation makes of that map
    {"user": number of a node}          what that node's operation sends back
    None                                there is no gradient; or the page computes all outputs, and none is `recorded`"""
    gradients: list[Facts | None] = [None] * len(nodes)
    for i in reversed(range(len(nodes))):  # a concatenation before its slices
        gradients[i] = _gradient(nodes, i, gradients, pack)
    return [{"y": _output(nodes, i, pack) if recorded or i == 0 else None, "dy": gradient} for i, gradient in enumerate(gradients)]


def _output(nodes: list[Node], i: int, pack: Pack) -> Facts:
    """Where the page finds a node's output."""
    node = nodes[i]
    if _is_derived(node):
        return {"input": node.inputs[0]}
    if _joins(node) and None not in node.inputs:
        return {"parts": node.inputs}
    if node.step is None:
        return {"array": pack.add_exact(np.moveaxis(node.y.reshape(_hwc(node.y)), -1, 0)), "from": 0}
    keep_positive = any(i in user.inputs and _is_derived(user) for user in nodes)
    return {"array": pack.add_map(node.y.reshape(_hwc(node.y)), keep_positive), "from": 0}


def _gradient(nodes: list[Node], i: int, gradients: list[Facts | None], pack: Pack) -> Facts | None:
    """Where the page finds the gradient of a node's output; `gradients`: of the nodes after it."""
    dy, part = nodes[i].dy, _slice_of(nodes, nodes[i])
    if dy is None:
        return None
    users = [number for number, user in enumerate(nodes) for source in user.inputs if source == i]
    if len(users) == 1 and _is_derived(nodes[users[0]]):
        return {"user": users[0]}
    whole = gradients[part[0]] if part else None
    if part and whole and "array" in whole:
        return {"array": whole["array"], "from": whole["from"] + part[1]}
    return {"array": pack.add_map(dy.reshape(_hwc(dy))), "from": 0}


def _is_derived(node: Node) -> bool:
    """Whether the page computes a node's output from its input."""
    return node.step is not None and rule_of(node.step.op).derived and node.inputs[0] is not None


def _hwc(array: Array) -> Shape:
    """The shape of a map or vector of one image as [h, w, c]."""
    return (array.shape[1:] if array.ndim == 4 else (1, 1, array.size))


def _graph(nodes: list[Node]) -> tuple[list[Shape], list[int], int]:
    """(inputs of each node, the nodes that put branches together, the end of the trunk): the arguments of `layout`."""
    inputs = [tuple(source for source in node.inputs if source is not None) for node in nodes]
    joins = [i for i, node in enumerate(nodes) if len(set(inputs[i])) > 1 and node.y.ndim == 4]
    return inputs, joins, len(nodes) - 1


def _frames(nodes: list[Node]) -> list[Facts]:
    """The modules that branches make: {"name", "nodes": numbers}."""
    inputs, joins, _ = _graph(nodes)
    steps = {i: nodes[i].step for i in joins}
    found = outermost(forks(inputs, [i for i, step in steps.items() if step and (_joins(nodes[i]) or type(step.op) is Add)]))
    return [_frame(module_name([nodes[i].name for i in fork.inside]), fork, nodes) for fork in found]


def _frame(name: str, fork: Fork, nodes: list[Node]) -> Facts:
    """The facts about one module."""
    return {"name": name, "nodes": fork.inside, "does": words.about_module(name, fork, nodes)}


def _node(nodes: list[Node], i: int, spot: Spot, maps: Facts, arrays: dict[str, int | None], pack: Pack, logits: Op) -> Facts:
    """The facts about one node."""
    node = nodes[i]
    facts = {"name": node.name, "shape": _hwc(node.y), "x": spot.x, "row": spot.row, **maps, "rank": node.y.ndim,
             "inputs": [source for source in node.inputs if source is not None],
             "does": words.about(node, nodes), "doesBack": words.about_gradient(node)}  # fmt: skip
    if node.dy is not None:
        facts["exactBack"] = breakdowns.backward(pack, nodes, i, node.dy)
    if node.step is None:
        image = {"operation": "Image", "rule": "", "hasRule": True, "kind": "image", "title": "image"}
        return facts | image | {"settings": {}, "weights": {}}
    weights = {name: arrays[f"{node.name}: {name}"] for name, source in zip(input_names(node.step.op), node.inputs, strict=True)
               if source is None}  # fmt: skip
    facts |= _of_rule(node.step.op, pack) | {"weights": weights, "parameters": node.step.parameters, "forward": _ran(node.step)}
    facts |= {"sees": _sees(node.step), "exact": breakdowns.forward(pack, node, _chosen(node, logits))}
    return facts | ({"backward": _ran(node.back)} if node.back else {})


def _chosen(node: Node, logits: Op) -> Shape:
    """The place of the number that the page opens with, and stores exactly."""
    if node.step is None or node.step.op is not logits:
        return breakdowns.strongest(node.y)
    return tuple(int(i) for i in np.unravel_index(node.y.argmax(), node.y.shape))


def _of_rule(op: Op, pack: Pack) -> Facts:
    """What the page gets from the operation's rule: which JavaScript explains it, and what that needs."""
    rule = rule_of(op)
    return {"operation": op.name, "rule": rule.javascript, "hasRule": has_rule(op), "kind": rule.kind, "title": rule.title(op),
            "settings": rule.settings(op),
            "indices": {name: pack.add_integers(array) for name, array in rule.indices(op).items()}}  # fmt: skip


def _sees(step: Step) -> Facts:
    """The receptive field of a step that depends on the image."""
    field = step.receptive_field
    return field._asdict() | {"known": field.is_known} if field else {}


def _ran(step: Step) -> Facts:
    """How a step was computed."""
    kernels = [f"{kernel} {algorithm}".strip() for kernel, algorithm in step.kernels]
    return {"index": step.index, "kernels": kernels, "ms": step.ms, "multiplyAdds": step.multiply_adds}


def predicted(steps: Trace, sample: Sample) -> Facts:
    """The most probable class of a Trace, {"name", "chance"}."""
    chances = _chances(steps.logits)
    return {"name": sample.classes[int(chances.argmax())], "chance": float(chances.max())}


def _chances(logits: Op) -> Array:
    """The probability of each class of the first image."""
    values = logits.y[0].astype(np.float64)
    weights = np.exp(values - values.max())
    chances: Array = weights / weights.sum()
    return chances


def _verdict(nodes: list[Node], logits: Op, sample: Sample) -> Facts:
    """The classes that are predicted, with the evidence for each, exact."""
    values, chances = logits.y[0].astype(np.float64), _chances(logits)
    order = [int(c) for c in np.argsort(-chances, kind="stable")[:BEST]]
    best = order if sample.label in order else [*order, sample.label]
    found = evidence(logits, best)
    classes = [{"class": c, "name": sample.classes[c], "chance": float(chances[c]), "logit": float(values[c])} for c in best]
    verdict = {"classes": classes, "label": sample.label, "names": list(sample.classes), "whyNot": WHY_NOT,
               "logits": next(i for i, node in enumerate(nodes) if node.step and node.step.op is logits)}  # fmt: skip
    if found:
        op, maps = found
        verdict["evidence"] = next(i for i, node in enumerate(nodes) if node.step and node.step.op is op)
        for entry, (values, bias) in zip(classes, maps, strict=True):
            entry |= {"map": values.tolist(), "bias": bias, "share": float(values.mean()) if math.prod(values.shape) else 0.0}
    return verdict
