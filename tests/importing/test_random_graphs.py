"""Random graphs, run by ONNX Runtime and here in four ways: on the tape, as a plan, exported again, and backwards. Slow: minutes.

    MINIGOOG_GRAPHS=10000 python -m pytest -m slow tests/importing/test_random_graphs.py

A graph is `random_graphs.RandomGraph(seed)`. What was found wrong is in test_random_networks.py, as the smallest graph that showed it."""

import os

import numpy as np
import pytest

import minigoog as mg

from .judge import NHWC, distance, imported, layouts, onnxruntime_results
from .random_graphs import RandomGraph

pytestmark = pytest.mark.slow
pytest.importorskip("onnx")
GRAPHS, BLOCK, TOLERANCE = int(os.environ.get("MINIGOOG_GRAPHS", 1000)), 100, 1e-3
LARGEST = 1e6  # beyond it, and where a result is not finite, nothing is compared


@pytest.mark.parametrize("first", range(0, GRAPHS, BLOCK))
def test_random_graphs_give_the_results_of_onnx_runtime(tmp_path, first):
    found = {seed: wrong(RandomGraph(seed), seed, tmp_path) for seed in range(first, first + BLOCK)}
    assert not (bad := {seed: what for seed, what in found.items() if what and what != "not run"}), bad
    assert list(found.values()).count("not run") < BLOCK / 2


def wrong(graph, seed, folder):
    """How the results differ from ONNX Runtime's; "not run" if it refuses the graph, or we do, naming the file; else nothing."""
    proto, images = graph.proto(graph.outputs), np.random.default_rng(seed).standard_normal((3, *graph.shapes["x"][1:]), np.float32)
    try:
        answers = [onnxruntime_results(proto, image[None]) for image in images]  # one by one: a graph may be for one image
        network = imported(proto, folder)
    except Exception as error:
        return "not run" if "onnxruntime" in type(error).__module__ or str(error).startswith(str(folder)) else f"{graph.kinds}: {error!r}"
    expected = [np.concatenate(parts) for parts in zip(*answers, strict=True)]
    if not all(np.isfinite(y).all() and np.abs(y).max() < LARGEST for y in expected):
        return "not run"
    x = np.ascontiguousarray(images if layouts(network)[0] else images.transpose(NHWC))
    channels = graph.channels if layouts(network)[0] == graph.channels_last else {}  # images of 2 channels and 3 columns may be either
    for way in (on_the_tape, as_a_plan, exported, backwards):
        try:
            got = zip(way(network, x, folder), expected, graph.outputs, strict=True)
            distances = [apart(y, e, channels.get(name)) for y, e, name in got]
        except Exception as error:
            if way is exported and str(error).startswith("save_onnx: "):
                continue  # what runtimes compute in several ways is not written
            return f"{way.__name__}, {graph.kinds}: {error!r}"
        if max(distances) > TOLERANCE:
            return f"{way.__name__}, {graph.kinds}: {distances}"
    return ""


def apart(got, expected, channels):
    """How far apart results are; what is no map but has four axes may come in either order."""
    return min(distance(got, expected, last) for last in ([True, False] if channels is None else [channels != 1]))


def arrays(results):
    return [getattr(y, "data", y) if isinstance(y, mg.Tensor) else y for y in (results if isinstance(results, tuple) else (results,))]


def on_the_tape(network, x, folder):
    with mg.no_grad():
        return arrays(network(mg.Tensor(x)))


def as_a_plan(network, x, folder):
    return arrays(mg.compile(network, x.shape)(x))


def exported(network, x, folder):
    mg.save_onnx(network, folder / "again.onnx", x.shape[1:])
    results = onnxruntime_results(str(folder / "again.onnx"), x.transpose(0, 3, 1, 2))
    return [y.transpose(NHWC) if y.ndim == 4 else y for y in results]


def backwards(network, x, folder):
    """The same results, and a gradient of the input's shape."""
    image = mg.Tensor(x, requires_grad=True)
    results = network(image)
    results = results if isinstance(results, tuple) else (results,)
    sum((y.sum() for y in results[1:]), results[0].sum()).backward()
    assert image.grad is None or (image.grad.shape == x.shape and np.isfinite(image.grad).all())
    return arrays(results)
