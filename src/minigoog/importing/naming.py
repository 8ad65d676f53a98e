"""Where the module of a node stands in the network: by the path of its weights, or else of the node."""

from itertools import chain, count

from ..formats.graph import Node
from ..nn import Module

# attributes that a network gets later, in its __init__ or as a `loading.TrainedModel`
RESERVED = ("classes", "gives_probabilities", "info", "logits", "outputs", "path", "predict", "preprocess", "probabilities", "ranking",
            "scores")  # fmt: skip
DEEPEST = 40  # modules within each other; of a longer path, those at its end
ENDS = (".weight", ".bias", ".gamma", ".beta", ".scale")  # of the names of weights


def path_of(node: Node, weight: str = "") -> list[str]:
    """The path of a node's module: `features.0.conv` for weights `features.0.conv.weight`, and of "/features/0/conv/Conv" too."""
    end = next((end for end in ENDS if weight.endswith(end)), "")
    if end and "::" not in weight:
        parts = weight.removesuffix(end).replace("/", ".").split(".")
    else:
        name = node.name or next(filter(None, node.outputs), node.op)
        parts = [part for part in name.replace("/", ".").split(".") if part]
        if len(parts) > 1 and parts[-1] == node.op:
            parts.pop()
    return [part for part in parts if part][-DEEPEST:] or [node.op]


def place(root: Module, path: list[str], module: Module) -> tuple[Module, str]:
    """Sets `module` at the path below `root`, with modules on the way; a name that is taken gets a number.

    Returns where it is: (the module above it, its name there)."""
    *above, name = path
    for part in above:
        parent = vars(root).get(part)
        if not isinstance(parent, Module):
            part = _free(root, part)
            parent = Module()
            setattr(root, part, parent)
        root = parent
    name = _free(root, name)
    setattr(root, name, module)
    return root, name


def _free(module: Module, name: str) -> str:
    """The name, or one with a number, that is no attribute of the module.

    After a hundred that are taken, the number goes on from how many attributes there are: thousands of nodes may have one name."""
    numbered = (f"{name}_{number}" for number in chain(range(2, 100), count(len(vars(module)) + 100)))
    return next(free for free in chain([name], numbered) if not hasattr(module, free) and free not in RESERVED)
