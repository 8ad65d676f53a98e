"""The network that runs in the page, in Node: every map has the bits that Python computes with MINIGOOG_ISA=plain."""

from types import SimpleNamespace

import numpy as np
import pytest

import minigoog as mg
from minigoog.data.preprocess import Preprocess
from minigoog.inspection.inputs import Sample
from minigoog.inspection.page import build
from minigoog.inspection.page.nodes import nodes_of
from minigoog.inspection.page.rounding import rounded_network
from minigoog.inspection.trace.trace import trace
from minigoog.kernels import native

from .node import floats, in_node, needs_node
from .test_data import traced

pytestmark = [needs_node, pytest.mark.skipif(native is None, reason="the C kernels were not built: pages do not run networks")]
RUN = "await startNetwork(); say({ maps: everyMap(runs.now), whyNot: runs.whyNot });"


@pytest.fixture(autouse=True)
def plain():
    """The kernels that the page has: without fused multiply-adds, four floats at a time."""
    before = native.machine.isa()
    native.machine.set_isa("plain")
    yield
    native.machine.set_isa(before)


def differing(steps, maps, but=()):
    """The names of the nodes whose map in the page has other bits than in a trace."""
    pairs = zip(nodes_of(steps), maps, strict=True)
    return [node.name for node, text in pairs if node.name not in but and not np.array_equal(floats(text), node.y.reshape(-1))]


class Mixed(mg.nn.Module):
    """Every operation that the page computes: those of C that no other network here has, and those of JavaScript."""

    def __init__(self):
        self.conv, self.depthwise = mg.nn.Conv2d(3, 8, 3, stride=(2, 1), padding=2, dilation=2), mg.nn.Conv2d(8, 8, 3, stride=2, groups=8)
        self.groups, self.slope = mg.nn.Conv2d(8, 8, 3, padding=1, groups=2), mg.nn.Parameter(np.linspace(-0.2, 0.3, 8, dtype=np.float32))
        self.classifier = mg.nn.Linear(8, 5)

    def forward(self, x):
        ops = mg.ops
        a = ops.lrn(ops.relu(self.conv(x)), 5, 0.9)
        a = ops.max_pool2d(ops.pad(a, (1, 0, 2, 1), 0.5), 3, 2, ceil_mode=True)
        a = a * ops.hard_sigmoid(ops.reshape(ops.global_avg_pool2d(a), (1, 1, 1, 8)))
        b = ops.channel_shuffle(self.groups(a), 2)
        a = ops.silu(self.depthwise(ops.prelu(a + 0.5 * b, self.slope))) * 2.0
        return self.classifier(ops.flatten(ops.global_avg_pool2d(ops.clip(ops.avg_pool2d(a, 2, 1), -1, 2))))


def mixed():
    mg.manual_seed(3)
    pixels = np.random.default_rng(0).integers(0, 256, (21, 17, 3)).astype(np.uint8)
    preprocess = Preprocess((21, 17, 3), (21, 17), (100.0, 110.0, 120.0), (60.0, 61.0, 62.0), "BGR")
    sample = Sample(Mixed(), preprocess.normalized(pixels), pixels, 2, tuple("abcde"), "a network\nan image", "BGR", preprocess)
    return trace(sample.model, sample.image, sample.label), sample


class OtherShapes(mg.nn.Module):
    """A residual network whose sums and products are of maps and constants of other shapes, and whose shortcut is a part of a map."""

    def __init__(self):
        self.conv, self.other = mg.nn.Conv2d(3, 8, 3, padding=1), mg.nn.Conv2d(8, 16, 3, stride=2, padding=1)
        random = np.random.default_rng(1)
        self.grid, self.rows = (mg.nn.Parameter(random.random(shape, np.float32)) for shape in ((12, 10, 1), (12, 1, 8)))
        self.classifier = mg.nn.Linear(16, 5)

    def forward(self, x):
        ops = mg.ops
        x = self.grid * ops.relu(self.conv(x)) + self.rows  # constants that are no numbers of channels
        mean = ops.reshape(ops.global_avg_pool2d(x), (1, 1, 1, 8))
        x = mean + ops.transpose(ops.transpose(x, (0, 2, 1, 3)), (0, 2, 1, 3))  # one number for all pixels of a channel
        shortcut = x[:, ::2, ::2]
        x = ops.concat([shortcut, -1.5 * shortcut]) + self.other(x)
        return self.classifier(ops.flatten(ops.global_avg_pool2d(x * x[:, 1:2] * x[:, :, 2:3]))) * 0.1 + 3.0


def other_shapes():
    mg.manual_seed(3)
    image = np.random.default_rng(0).random((12, 10, 3), np.float32)
    sample = Sample(OtherShapes(), image, (255 * image).astype(np.uint8), 2, tuple("abcde"), "a network\nan image")
    return trace(sample.model, sample.image, sample.label), sample


LOSS = ("loss.cross_entropy",)  # which JavaScript adds up in float64


@pytest.mark.parametrize("made", [traced, lambda: traced(model="nin"), mixed, other_shapes], ids=["tiny", "nin", "mixed", "other shapes"])
def test_every_map_has_the_bits_of_the_trace(made, tmp_path):
    steps, sample = made()
    said = in_node(tmp_path, build.page_of(steps, sample), RUN)
    assert said["whyNot"] is None
    assert differing(steps, said["maps"], LOSS) == []
    assert floats(said["maps"][-1]) == pytest.approx(float(steps.forward[-1].output), rel=1e-6)


@pytest.mark.parametrize("made", [traced, mixed], ids=["tiny", "mixed"])
def test_rounded_weights_give_the_bits_that_python_gives_with_these_weights(made, tmp_path):
    steps, sample = made()
    before = [parameter.data.copy() for parameter in sample.model.parameters()]
    said = in_node(tmp_path, build.page_of(steps, sample, 127), RUN)
    assert all(np.array_equal(old, new.data) for old, new in zip(before, sample.model.parameters(), strict=True))
    with rounded_network(steps, sample, 127) as (rounded, _):
        assert differing(rounded, said["maps"], LOSS) == []
        assert not np.array_equal(rounded.forward[0].output, steps.forward[0].output)


def test_a_silenced_filter_is_one_whose_weights_and_bias_are_0(tmp_path):
    steps, sample = traced()
    number = next(i for i, node in enumerate(nodes_of(steps)) if node.name == "inception2b.branch3x3.conv")
    script = f"await startNetwork(); say(everyMap(pass(recordedImage(), new Map([[{number}, [3, 7]], [1, [2]]]))));"
    maps = in_node(tmp_path, build.page_of(steps, sample), script)
    for layer, channels in ((sample.model.inception2b.branch3x3.conv, [3, 7]), (sample.model.conv1, [2])):
        layer.weight.data[..., channels], layer.bias.data[channels] = 0, 0
    assert differing(trace(sample.model, sample.image, sample.label), maps, LOSS) == []


def test_an_edited_weight_changes_what_it_changes_in_python(tmp_path):
    steps, sample = traced()
    script = """await startNetwork();
      const number = nodes.findIndex((node) => node.name === "inception3a.branch1x1");
      weightsOf(nodes[number], "weight").data[777] = 1.5;
      runs.network.packAgain(number);
      say(everyMap(pass(recordedImage())));"""
    maps = in_node(tmp_path, build.page_of(steps, sample), script)
    sample.model.inception3a.branch1x1.weight.data.reshape(-1)[777] = 1.5
    changed = trace(sample.model, sample.image, sample.label)
    assert differing(changed, maps, LOSS) == [] != differing(steps, maps, LOSS)


def test_the_pixels_of_the_page_become_the_input_of_the_trace(tmp_path):
    steps, sample = mixed()
    script = "const { shape: [h, w, c], data } = array(facts.pixels); say(bytes(normalized({ h, w, c, data })));"
    assert np.array_equal(floats(in_node(tmp_path, build.page_of(steps, sample), script)), sample.image.reshape(-1))


@pytest.mark.parametrize("resize, interpolation, antialias", [
    (24, "bilinear", True), ((30, 19), "bicubic", True), (0.875, "box", True), (40, "nearest", True), (0.875, "bilinear", False),
])  # fmt: skip
def test_a_photograph_becomes_the_pixels_that_python_makes_of_it(tmp_path, resize, interpolation, antialias):
    pytest.importorskip("PIL")
    steps, sample = mixed()
    photograph = np.random.default_rng(1).integers(0, 256, (37, 53, 3)).astype(np.uint8)
    preprocess = Preprocess((21, 17, 3), resize, sample.preprocess.mean, sample.preprocess.std, "BGR", interpolation, antialias)
    page = build.page_of(steps, sample._replace(preprocess=preprocess))
    script = f"say(Array.from(middleOf({{h: 37, w: 53, c: 3, data: Uint8ClampedArray.from({photograph.reshape(-1).tolist()})}}).data));"
    assert np.array_equal(np.reshape(in_node(tmp_path, page, script), (21, 17, 3)), preprocess.middle(photograph))


def test_the_verdict_is_that_of_the_trace(tmp_path):
    steps, sample = traced()
    said = in_node(tmp_path, build.page_of(steps, sample), "await startNetwork(); say([verdictOf(runs.now), facts.verdict.classes]);")
    for found, expected in zip(*said, strict=True):
        assert found["class"] == expected["class"] and found["chance"] == pytest.approx(expected["chance"], rel=1e-6)
        assert np.allclose(found["map"], expected["map"], rtol=1e-5, atol=1e-6) and found["bias"] == pytest.approx(expected["bias"])


def test_lenet5_runs_and_differs_by_rounding(tmp_path):
    steps, sample = traced(model="lenet5")  # a plan has a hyperbolic tangent of its own, and the page adds up distances in float64
    said = in_node(tmp_path, build.page_of(steps, sample), RUN)
    assert said["whyNot"] is None and "c1" not in differing(steps, said["maps"])
    for node, text in zip(nodes_of(steps), said["maps"], strict=True):
        assert np.allclose(floats(text), node.y.reshape(-1), rtol=1e-5, atol=1e-4 if node.name in LOSS else 1e-6), node.name


def unknown_to_the_page():
    steps, sample = traced()
    sample = sample._replace(model=mg.nn.Sequential(sample.model, mg.nn.GELU()))
    return trace(sample.model, sample.image, sample.label), sample


@pytest.mark.parametrize("made, limits, reason", [
    (lambda: traced(training=True), (), "its operation Dropout is random"),
    (unknown_to_the_page, (), "its operation GELU runs in Python only"),
    (traced, (127, 50_000), "its 104,058 weights are too many for one file"),
], ids=["dropout", "python only", "too large"])  # fmt: skip
def test_a_network_that_the_page_cannot_run_shows_what_is_stored_and_says_why(made, limits, reason, tmp_path):
    script = "await startNetwork(); say([facts.network, runs.whyNot, mapOf(nodes[1], 'y').at(0, 0, 0)]);"
    steps, sample = made()
    page = build._written(*build.page_data(steps, sample, *limits))
    network, why, number = in_node(tmp_path, page, script)
    assert network is None and why == reason and number == pytest.approx(float(steps.forward[0].output[0, 0, 0, 0]), rel=0.02)


def test_a_large_network_that_runs_keeps_all_its_weights():
    steps = SimpleNamespace(forward=[SimpleNamespace(output=np.zeros(1), parameters=9_000_000)])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build, "nodes_of", lambda steps: [])
        for there, first in ((True, [*build.RUNNING, *build.ROUNDING[1:]]), (False, [*build.ROUNDING[1:]])):
            patch.setattr(build, "runs", lambda nodes, there=there: there)
            assert list(build._roundings(steps)) == first


@pytest.mark.parametrize("made", [traced, mixed, other_shapes, lambda: traced(model="lenet5")], ids=["tiny", "mixed", "others", "lenet5"])
def test_gradients_from_another_class_are_those_of_python(made, tmp_path):
    steps, sample = made()
    script = "await startNetwork(); const found = gradientsFrom(1); say(nodes.map((node) => bytes(found.planes.get(node.number))));"
    said = in_node(tmp_path, build.page_of(steps, sample), script)
    other = trace(sample.model, sample.image, 1)
    for node, text in zip(nodes_of(other), said, strict=True):
        dy = np.moveaxis(node.dy.reshape(node.y.shape[1:] if node.y.ndim == 4 else (1, 1, -1)), -1, 0)
        assert np.allclose(floats(text), dy.reshape(-1), rtol=1e-3, atol=1e-5 * np.abs(dy).max()), node.name


@pytest.mark.slow
def test_googlenet_has_the_bits_of_the_trace(tmp_path):
    steps, sample = traced(model="googlenet")
    page = build.build_page(steps, sample)
    assert len(page.encode()) < 15_000_000
    said = in_node(tmp_path, page, RUN)
    with rounded_network(steps, sample, 127) as (rounded, _):
        assert differing(rounded, said["maps"], LOSS) == []
