"""The node tests of the package onnx, one operation each: all that concern our operations pass, or are skipped for a counted reason."""

import importlib
import re
import warnings
from collections import Counter
from pathlib import Path

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
REASONS = {  # what the refusal says -> why it is right
    r"weights with [35] axes|a value with \d axes|a mean over": "another rank than images, or other axes than theirs",
    r"weights with|weights \[in": "a product with more or fewer than two axes",
    r"sequences and optional|on integers or float64|input is a constant": "kinds of values: integers, float8, int4, sequences",
    r"cubic|tf_crop|antialias|keep_aspect|symmetric": "cubic resizing, its crops and antialiasing",
    r"training mode|read by nothing": "training mode, masks and indices",
    r"an array of|slopes of|summand of|not repeated|2 axes, expected at most": "broadcasting of arrays that no network needs",
    r"scales of blocks|opset 1,": "blocks of scales, opset 1",
    r"zero-size|none of the|parts \(0|shape \(3, 4, 0\)": "values without elements",
    r"failed: 0.27": "onnx's expected values for align_corners, which ONNX Runtime does not give either",
}
ALL_COMPUTED = {"Add", "Sub", "Mul", "Div", "Sum", "Max", "Min", "Concat"}  # operations whose inputs may all be computed


def modules():
    """The names of onnx's modules with tests of our operations."""
    from onnx.backend.test.case import node

    operations = {op.lower() for op in {*RULES, *FOLDS}}
    names = sorted(path.stem for path in Path(node.__path__[0]).glob("*.py"))
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
    if any(not isinstance(a, (np.ndarray, np.generic)) for a in (*inputs, *expected)):
        return "skipped: sequences and optional values"
    node = node_of(proto.graph.node[0], lambda tensor: array_of(tensor, Folder(Path(".")), None))
    names = [name for name in node.inputs if name]
    if len(names) != len(inputs):
        return "skipped: optional values"
    inputs, expected = [np.asarray(a) for a in inputs], [np.asarray(a) for a in expected]
    given = dict(zip(names, inputs, strict=True))
    computed = [n for n in (names if node.op in ALL_COMPUTED else names[:1]) if given[n].dtype.kind == "f" and given[n].dtype != np.float64]
    computed = computed if node.op in RULES and node.op != "Shape" else []
    weights = {n: a.astype(np.float32) if a.dtype == np.float16 else a for n, a in given.items() if n not in computed}
    shapes, results = {n: given[n].shape for n in computed}, tuple(o for o in node.outputs if o)
    try:
        graph = Graph((node,), weights, shapes, results, _opset(proto), {}, "test")
        if computed:
            ys = run(ImportedNetwork(graph), *(given[n] for n in computed))
        else:
            known = Parts(graph, importing.ImportedNetwork.__new__(importing.ImportedNetwork)).known
            if node.op not in FOLDS:
                return "skipped: arithmetic of the network on integers or float64"
            ys = [known[name] for name in graph.outputs]
    except ValueError as error:
        return f"refused: {str(error).split('): ')[-1]}"
    if any(np.size(y) != np.size(e) for y, e in zip(ys, expected, strict=True)):
        return f"failed: shape {[np.shape(y) for y in ys]}"
    pairs = [(np.asarray(y, float), np.asarray(e, float)) for y, e in zip(ys, expected, strict=True)]
    worst = max(0.0 if np.array_equal(y, e, equal_nan=True) else distance(y, e) for y, e in pairs)
    return "passed" if worst < max(TOLERANCE, case.rtol) else f"failed: {worst:.2g}"


def reason(what):
    """Why a test is skipped, or the outcome itself."""
    return next((why for pattern, why in REASONS.items() if re.search(pattern, what)), what)


@pytest.mark.parametrize("chosen", [
    pytest.param(False, id="all but pools"),
    pytest.param(True, id="pools", marks=pytest.mark.slow),  # their expected values take Python a minute
])  # fmt: skip
def test_each_passes_or_is_skipped_for_a_reason(monkeypatch, chosen, capsys):
    cases = collected(monkeypatch, [m for m in modules() if (m in SLOW) is chosen])
    found = {case.name: reason(outcome(case)) for case in cases if (case.model.graph.node[0].op_type.lower() in SLOW) is chosen}
    counts = Counter(found.values())
    with capsys.disabled():
        print(f"\n{len(found)} node tests of onnx {onnx.__version__}: {dict(counts.most_common())}")
    odd = {name: what for name, what in found.items() if what not in {"passed", *REASONS.values()}}
    assert not odd and counts["passed"] >= (24 if chosen else 400)
