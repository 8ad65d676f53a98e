"""The page in a real browser: every number beside what Python explains."""

import numpy as np
import pytest

import minigoog as mg
from minigoog.inspection.inputs import Sample
from minigoog.inspection.page.rounding import rounded_network
from minigoog.op import Op
from tests.inspection.page.browser import Page


def places(page, n=3):
    """Random places of every map and gradient, and the number of the trace that is there."""
    generator = np.random.default_rng(0)
    nodes = page.run("return minigoog.nodes.map((n) => [n.name, n.shape])")
    drawn = {step.name: step for step in page.steps.forward}
    for number, (name, shape) in enumerate(nodes):
        for way in ("forward", "backward") if name != "image" else ():
            array = drawn[name].output if way == "forward" else drawn[name].dy
            for _ in range(n):
                at = [int(generator.integers(size)) for size in shape]
                yield [number, way, *at], float(np.reshape(array, shape)[tuple(at)])


def compare(page, rounded=False):
    """Compares what the page explains with the trace; returns how many numbers it could explain, of how many."""
    wanted = list(places(page))
    explained = page.explained([place for place, _ in wanted])
    for (place, number), (value, stored, exact) in zip(wanted, explained, strict=True):
        assert exact or rounded
        if not rounded:
            assert stored == pytest.approx(number, rel=2e-5, abs=1e-6), place  # of other kernels than the trace
            assert value is None or place[1] == "backward" and not value or value == pytest.approx(number, rel=2e-4, abs=2e-6), place
    return sum(value is not None for value, _, _ in explained), len(explained)


def test_everywhere_the_products_add_up_to_the_number_of_the_trace(tiny):
    assert compare(tiny) == (222, 222)


def test_the_gradient_of_a_filter_is_that_of_the_trace(tiny):
    for number, channel in ((1, 3), (4, 5), (6, 7)):
        name = tiny.run("return minigoog.nodes[arguments[0]].name", number)
        script = "const {RULES, nodes} = minigoog; return [...RULES.conv2d.filterGradient(nodes[arguments[0]], arguments[1]).data]"
        found = tiny.run(script, number, channel)
        expected = tiny.steps[name][0].dxs[1][..., channel]
        assert np.allclose(np.reshape(found, expected.shape), expected, rtol=1e-3, atol=1e-5), name


# ---- other pages: from here on the browser shows them ----


def test_lenet_5_is_explained_too(driver, tmp_path):
    page = Page(driver, tmp_path, model="lenet5")
    explained, of = compare(page)
    assert explained > 0.8 * of and "there is no exact class activation map" in page.text("#because")


class ReLU(Op):
    """A user's own, with the name of ours and no rule: leaky."""

    def forward(self, x):
        self.slope = np.where(x > 0, np.float32(1), np.float32(0.25))
        return x * self.slope

    def backward(self, dy):
        return (dy * self.slope,)


class Mixed(mg.nn.Module):
    """Operations that the other networks do not have, and one without a rule."""

    def __init__(self):
        self.conv = mg.nn.Conv2d(1, 4, 3, padding=1)

    def forward(self, x):
        a = mg.ops.avg_pool2d(self.conv(x), 3, 2, 1)
        own = ReLU()(mg.ops.leaky_relu(mg.ops.tanh(a), 0.2))
        return mg.ops.global_avg_pool2d((mg.ops.relu(own) + 0.5 * a + 1.5) ** 3)


def test_other_operations_are_explained_and_one_without_a_rule_is_named(driver, tmp_path):
    mg.manual_seed(0)
    image = np.random.default_rng(0).random((8, 8, 1), np.float32)
    sample = Sample(Mixed(), image, (255 * image).astype(np.uint8), 1, ("a", "b", "c", "d"), "a network\nan image")
    page = Page(driver, tmp_path, sample=sample)
    explained, of = compare(page)
    assert explained == of - 6  # three numbers of the output of ReLU, and three of the gradient that it sends back
    number = page.run("return minigoog.nodes.findIndex((n) => n.operation === 'ReLU' && !n.hasRule)")
    page.run("minigoog.goToNode(arguments[0], 'forward')", number)
    assert "ReLU has no rule that explains its numbers" in page.text("#products") and "possibly the whole image" in page.text("#row")
    page.run("minigoog.goToNode(arguments[0], 'backward')", number - 1)
    assert "ReLU has no rule that explains its numbers" in page.text("#products")
    page.run("minigoog.goToNode(arguments[0], 'backward')", number)
    assert "adds up to" in page.text("#products") and page.driver.get_log("browser") == []


class Later(mg.nn.Module):
    """The operations of networks after 2015, each explained by its own rule."""

    def __init__(self):
        self.conv = mg.nn.Conv2d(1, 4, 3, padding=1)
        self.slope = mg.nn.Parameter(np.array([0.1, -0.2, 0.3, 0.4], np.float32))

    def forward(self, x):
        ops = mg.ops
        a = ops.lrn(ops.pad(ops.prelu(self.conv(x), self.slope), (1, 0, 2, 1), 0.5), 3, 0.9)
        a = ops.resize(ops.pad(a, (1, 2, 0, 1), mode="reflect"), (9, 5), "linear")
        a = ops.resize(ops.channel_shuffle(ops.silu(a), 2), (6, 8), coordinates="asymmetric", rounding="floor")
        gate = ops.reshape(ops.global_avg_pool2d(ops.hard_swish(5 * a)), (1, 1, 1, 4))
        a = ops.elu(a * ops.hard_sigmoid(8 * gate) + ops.sigmoid(gate))
        return ops.global_avg_pool2d(ops.clip(a, -0.2, 0.4) + ops.clip(a, high=0.9))


def test_the_operations_of_later_networks_are_explained(driver, tmp_path):
    mg.manual_seed(1)
    image = np.random.default_rng(0).random((8, 8, 1), np.float32)
    sample = Sample(Later(), image, (255 * image).astype(np.uint8), 1, ("a", "b", "c", "d"), "a network\nan image")
    explained, of = compare(Page(driver, tmp_path, sample=sample))
    assert explained == of > 100


class Wide(mg.nn.Module):
    """Maps much wider than high, and the longest titles of boxes."""

    def __init__(self):
        self.conv, self.depthwise = mg.nn.Conv2d(1, 4, 1), mg.nn.Conv2d(4, 4, 3, stride=2, padding=1, groups=4)

    def forward(self, x):
        return mg.ops.global_avg_pool2d(mg.ops.hard_sigmoid(self.depthwise(self.conv(x))))


def test_wide_windows_and_long_titles_fit(driver, tmp_path):
    image = np.random.default_rng(0).random((6, 240, 1), np.float32)
    page = Page(driver, tmp_path, sample=Sample(Wide(), image, (255 * image).astype(np.uint8), 1, tuple("abcd"), "a network\nan image"))
    ends = """return [...document.querySelectorAll(".box")].flatMap((box) =>
      [...box.querySelectorAll(".title")].map((t) => [t.innerText, box.clientWidth - t.offsetLeft - t.scrollWidth]))"""
    assert {title: left for title, left in page.run(ends) if left < 0} == {}
    for number in range(page.run("return minigoog.nodes.length")):
        page.run("minigoog.goToNode(arguments[0])", number)
        assert page.run("const s = document.getElementById('step'); return s.scrollWidth - s.clientWidth") <= 0, number
        assert page.run("const s = document.getElementById('products'); return s.scrollWidth - s.clientWidth") <= 0, number


def test_a_page_of_rounded_weights_says_so_and_is_exact_with_them(driver, tmp_path):
    page = Page(driver, tmp_path, rounding=(127,))
    assert "weights are rounded to 255 levels" in page.text("#rounding") and "Gradients are rounded to 8 bits" in page.text("#rounding")
    assert "with those of the file it says 5, 37.4%" in page.text("#rounding")
    page.run("minigoog.goToNode(4); minigoog.lookAt(0, 0)")
    assert "exact" in page.text("#products h2")
    page.run("minigoog.goToNode(4, 'backward'); minigoog.lookAt(0, 0)")
    assert "rounded" in page.text("#products h2")
    with rounded_network(page.steps, page.sample, 127) as (page.steps, _):
        wanted = [(place, number) for place, number in places(page) if place[1] == "forward"]
    for (place, number), (value, stored, exact) in zip(wanted, page.explained([place for place, _ in wanted]), strict=True):
        assert exact and stored == pytest.approx(number, rel=1e-5, abs=1e-6) and value == pytest.approx(number, rel=2e-4, abs=2e-6), place


def test_the_heads_stand_beside_the_trunk_and_left_out_weights_are_named(driver, tmp_path):
    page = Page(driver, tmp_path, rounding=(15, 100_000), model="googlenet", training=True)
    xs = dict(page.run("return minigoog.nodes.map((n) => [n.name, n.x])"))
    assert xs["aux_4a.conv"] == xs["aux_4d.classifier"] > max(x for name, x in xs.items() if name.startswith("inception"))
    assert "Left out because they are too large" in page.text("#rounding")
    number = page.run("return minigoog.nodes.findIndex((n) => n.name === 'aux_4a.hidden')")
    page.run("minigoog.goToNode(arguments[0]); minigoog.lookAt(0, 0, 1)", number)
    assert "The page does not store what is needed" in page.text("#products")
    assert page.driver.get_log("browser") == []
