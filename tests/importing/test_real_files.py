"""Real networks of other systems against what ONNX Runtime made of the same inputs."""

import numpy as np
import pytest

import minigoog as mg
from minigoog import importing
from minigoog.formats import onnx as reader
from minigoog.importing.resolver import Resolver
from minigoog.importing.values import Value

from .judge import TOLERANCE, distance, onnxruntime_results, real, run

onnx = pytest.importorskip("onnx")
QUICK = ["mtcnn_pnet", "mtcnn_rnet", "mtcnn_onet", "text_direction_mobilenetv3"]
NAMES = [*QUICK, *(pytest.param(name, marks=pytest.mark.slow) for name in ("dogs19_mobilenetv2", "text_detector_dbnet"))]


@pytest.fixture(params=NAMES)
def case(request):
    """(network, input, expected results) of a file."""
    network = importing.network(reader.load(real(f"{request.param}.onnx")))
    golden = np.load(real("golden.npz"))
    expected = [golden[f"{request.param}/output/{name}"] for name in network.outputs]
    return network, golden[f"{request.param}/input"], expected


def test_the_results_of_trained_networks_are_those_of_onnx_runtime(case):
    network, x, expected = case
    last = x.shape[-1] == 3  # the files whose images have their channels last have such results too
    assert [distance(y, e, last) < TOLERANCE for y, e in zip(run(network, x), expected, strict=True)] == [True] * len(expected)


def test_a_plan_gives_the_same_results(case):
    network, x, expected = case
    last = x.shape[-1] == 3
    x = x if last else np.ascontiguousarray(x.transpose(0, 2, 3, 1))
    ys = mg.compile(network, x.shape)(x)
    for y, e in zip(ys if isinstance(ys, tuple) else (ys,), expected, strict=True):
        assert distance(y, e, last) < TOLERANCE


@pytest.mark.slow
def test_every_value_on_the_way_is_that_of_onnx_runtime(case):
    network, x, _ = case
    worst = value_distances(network, x)
    assert len(worst) > 5 and max(worst.values()) < TOLERANCE, sorted(worst.items(), key=lambda item: -item[1])[:5]


def value_distances(network, x):
    """The distance of each value of the file that the network has too: not those inside a layer, such as before its scale."""
    proto = onnx.load(network._programs.parts.graph.file)
    mine = every_value(network, x)
    present = {value.name for value in proto.graph.output}
    proto.graph.output.extend(onnx.ValueInfoProto(name=name) for name in mine if name not in present)
    expected = onnxruntime_results(proto, x, outputs=list(mine))
    return {name: distance(y, e, last) for (name, (y, last)), e in zip(mine.items(), expected, strict=True)}


def every_value(network, x):
    """name -> (array, as the results would be; whether its channels are last in the file), of each value that a step makes."""
    programs = network._programs
    ours = x if programs.channels_last[next(iter(programs.inputs))] else np.ascontiguousarray(x.transpose(0, 2, 3, 1))
    resolver = Resolver(programs.parts, {name: programs._value(name, 0, ours.shape) for name in programs.inputs})
    resolver.resolve(network.outputs)
    whole = resolver.program
    made = {step.output for step in whole.steps}
    names = [name for name, value in resolver.values.items() if isinstance(value, Value) and value.slot.index in made]
    whole.finish([resolver._result(name) for name in names])
    with mg.no_grad():
        ys = whole.run([mg.Tensor(ours)])
    return {name: (y.data, resolver.channels.get(name) == 3) for name, y in zip(names, ys, strict=True)}
