"""What the page is made from: the facts about every operation as JSON, and every array in a Pack."""

import math

import numpy as np

from ..explain.explanation import input_names
from . import breakdowns as breakdowns
from . import words
from .evidence import WHY_NOT, evidence
from .layout import layout
from .nodes import IMAGE, nodes_of, settings, winners
from .packing import Pack

BEST = 5  # classes whose probability and evidence are shown


def page_data(steps, sample, levels=None, most_weights=math.inf):
    """(facts as JSON knows them, the Pack of the arrays that they number) of a Trace.

    `levels`: how finely weights are rounded, see Pack; of more than `most_weights` the largest arrays are left out."""
    nodes = nodes_of(steps)
    _check_finite(nodes)
    weights = _weights(nodes)
    kept = _within(weights, most_weights)
    pack = Pack(levels)
    arrays = {name: pack.add_weights(w) if name in kept else None for name, w in weights.items()}
    maps = _maps(nodes, pack)
    logits = _logits(steps)
    spots = layout(*_graph(nodes))
    facts = {
        "about": sample.about.split("\n"),
        "model": type(sample.model).__name__,
        "levels": levels,
        "nodes": [_node(nodes, i, spots[i], maps[i], arrays, pack) for i in range(len(nodes))],
        "pixels": pack.add_small(sample.pixels),
        "verdict": _verdict(nodes, logits, sample),
        "leftOut": [name for name in weights if name not in kept],
        "weightSteps": sum(step.receptive_field is None for step in steps.forward),
    }
    return facts | {"arrays": pack.arrays}, pack


def _check_finite(nodes):
    arrays = [("output", node.name, node.y) for node in nodes] + [("gradient", node.name, node.dy) for node in nodes]
    for what, name, array in arrays:
        if array is not None and not np.isfinite(array).all():
            raise ValueError(f"page: the {what} of {name} has numbers that are not finite: there is nothing to draw")


def _weights(nodes):
    """{(node, name): array} of what operations read besides maps."""
    return {
        f"{node.name}: {name}": _full(node, k)
        for node in nodes[1:]
        for k, (name, source) in enumerate(zip(input_names(node.step.op), node.inputs, strict=True))
        if source is None
    }


def _full(node, k):
    """Input `k` of a node; the weights of a sparse convolution with their zeros."""
    op = node.step.op
    return op.pattern.scatter(op.values) if node.step.operation == "SparseConv2d" and k == 1 else op.inputs[k].data


def _within(weights, budget):
    """The names of the weights to keep within a number of values: the largest are left out first, of equal ones the early ones."""
    late_first = list(weights)[::-1]
    kept = sorted(late_first, key=lambda name: weights[name].size)
    while kept and sum(weights[name].size for name in kept) > budget:
        kept.pop()
    return set(kept)


def _slice_of(nodes, node):
    """(number of a concatenation, first channel) if the node's output is a slice of that, and read by nothing else; else None."""
    number = next(i for i, other in enumerate(nodes) if other is node)
    users = [(i, user) for i, user in enumerate(nodes) if number in user.inputs]
    if len(users) != 1 or users[0][1].step.operation != "Concat":
        return None
    i, user = users[0]
    k = user.inputs.index(number)
    return i, int(user.step.op.bounds[k - 1]) if k else 0


def _maps(nodes, pack):
    """For each node {"y": where its output lies in the pack, "dy": where its gradient does}: an array's number and the first channel."""
    maps = [None] * len(nodes)
    for i in reversed(range(len(nodes))):  # a concatenation before its slices
        part = _slice_of(nodes, nodes[i])
        if part:
            maps[i] = {name: place and {"array": place["array"], "from": place["from"] + part[1]} for name, place in maps[part[0]].items()}
        else:
            maps[i] = {name: _add_map(pack, a) for name, a in (("y", nodes[i].y), ("dy", nodes[i].dy))}
    return maps


def _add_map(pack, array):
    return None if array is None else {"array": pack.add_map(array.reshape(_hwc(array))), "from": 0}


def _hwc(array):
    """The shape of a map or vector of one image as [h, w, c]."""
    return (array.shape[1:] if array.ndim == 4 else (1, 1, array.size))


def _graph(nodes):
    """(inputs of each node, the concatenations, the end of the trunk), as `layout` wants them."""
    inputs = [tuple(source for source in node.inputs if source is not None) for node in nodes]
    joins = [i for i, node in enumerate(nodes) if node.step and node.step.operation == "Concat" and len(inputs[i]) > 1]
    return inputs, joins, len(nodes) - 1


def _node(nodes, i, spot, maps, arrays, pack):
    """The facts about one node."""
    node = nodes[i]
    facts = {"name": node.name, "shape": _hwc(node.y), "x": spot.x, "row": spot.row, **maps,
             "inputs": [source for source in node.inputs if source is not None],
             "does": words.about(node, nodes), "doesBack": words.about_gradient(node)}  # fmt: skip
    if node.dy is not None:
        facts["exactBack"] = breakdowns.backward(pack, nodes, i)
    if i == IMAGE:
        return facts | {"operation": "Image", "settings": {}, "weights": {}, "rank": node.y.ndim}
    op = node.step.op
    facts |= {"operation": node.step.operation, "settings": settings(op), "parameters": node.step.parameters, "rank": node.y.ndim,
              "sees": node.step.receptive_field._asdict(), "forward": _ran(node.step), "exact": breakdowns.forward(pack, node),
              "weights": {name: arrays[f"{node.name}: {name}"] for name, source in zip(input_names(op), node.inputs, strict=True)
                          if source is None}}  # fmt: skip
    if node.back:
        facts["backward"] = _ran(node.back)
    if op.name == "MaxPool2d":
        facts["winners"] = pack.add_small(winners(op)[0])
    return facts


def _ran(step):
    """How a step was computed."""
    kernels = [f"{kernel} {algorithm}".strip() for kernel, algorithm in step.kernels]
    return {"index": step.index, "kernels": kernels, "ms": step.ms, "multiplyAdds": step.multiply_adds}


def _logits(steps):
    """The operation that gave the logits of the main classifier."""
    losses = [step for step in steps.forward if step.operation == "CrossEntropy"]
    return losses[0].op.inputs[0].op if losses else steps.forward[-1].op


def _verdict(nodes, logits, sample):
    """The classes that the image is taken for, with the evidence for each, exact."""
    values = logits.y[0].astype(np.float64)
    chances = np.exp(values - values.max())
    chances /= chances.sum()
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
