"""The node tests of the package onnx, one operation each: all that concern our operations pass, or are skipped for a counted reason."""

import importlib
import warnings
from collections import Counter

import numpy as np
import pytest

from minigoog import importing
from minigoog.formats.graph import Graph
from minigoog.formats.onnx.nodes import node_of
from minigoog.formats.onnx.reading import _opset
from minigoog.formats.onnx.tensors import Folder, array_of
from minigoog.importing.folding import FOLDS
from minigoog.importing.network import ImportedNetwork
from minigoog.importing.parts import Parts
from minigoog.importing.resolver import RULES

from .judge import TOLERANCE, distance, run

onnx = pytest.importorskip("onnx")
SLOW = {"averagepool", "maxpool"}  # modules whose expected values take Python half a minute
ALL_COMPUTED = {"Add", "Sub", "Mul", "Div", "Sum", "Concat"}  # operations whose inputs may all be computed


def modules():
    """The names of onnx's modules with tests of our operations."""
    from onnx.backend.test.case import node

    operations = {op.lower() for op in {*RULES, *FOLDS}}
    names = sorted(path.stem for path in __import__("pathlib").Path(node.__path__[0]).glob("*.py"))
    return [name for name in names if name.replace("_", "").removesuffix("op") in operations or name in ("pool_op_common", "constant")]


def collected(monkeypatch, wanted):
    """The test cases of these modules, without those that spell an operation out in others."""
    from onnx.backend.test.case import node

    monkeypatch.setattr(node, "function_testcase_helper", lambda *_, **__: ([], 0))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in wanted:
            importlib.import_module(f"onnx.backend.test.case.node.{name}")
    return [case for case in node._NodeTestCases if case.model.graph.node[0].op_type in {*RULES, *FOLDS}]


def outcome(case):
    """"passed", "skipped: why" or "failed: how" of a test case."""
    proto, (inputs, expected) = case.model, case.data_sets[0]
    if any(not isinstance(a, np.ndarray) for a in (*inputs, *expected)):
        return "skipped: sequences and optional values"
    node = node_of(proto.graph.node[0], lambda tensor: array_of(tensor, Folder(__import__("pathlib").Path(".")), None))
    names = [name for name in node.inputs if name]
    if len(names) != len(inputs):
        return "skipped: optional values"
    given = {name: np.asarray(a) for name, a in zip(names, inputs, strict=False)}
    computed = [n for n in (names if node.op in ALL_COMPUTED else names[:1]) if given[n].dtype.kind == "f" and given[n].dtype != np.float64]
    weights = {n: a.astype(np.float32) if a.dtype == np.float16 else a for n, a in given.items() if n not in computed}
    graph = Graph((node,), weights, {n: given[n].shape for n in computed}, tuple(o for o in node.outputs if o), _opset(proto), {}, "test")
    try:
        if computed and node.op in RULES:
            ys = run(ImportedNetwork(graph), *(given[n] for n in computed))
        else:
            known = Parts(graph, importing.ImportedNetwork.__new__(importing.ImportedNetwork)).known
            if node.op not in FOLDS:
                return "skipped: arithmetic of the network on integers or float64"
            ys = [known[name] for name in graph.outputs]
    except ValueError as error:
        return f"refused: {str(error).split('): ')[-1]}"
    worst = max(distance(np.asarray(y, float), np.asarray(e, float)) for y, e in zip(ys, expected, strict=True))
    return "passed" if worst < TOLERANCE else f"failed: {worst:.2g}"


def test_all(monkeypatch):
    found = {case.name: outcome(case) for case in collected(monkeypatch, [m for m in modules() if m not in SLOW])}
    for name, what in found.items():
        if what != "passed":
            print(name, what)
    print(Counter(what.split(":")[0] for what in found.values()))
    assert 0
