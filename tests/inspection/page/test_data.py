"""What the page is made from: its arrays, its layout, its evidence, and that it all fits."""

import json
import re
import zlib

import numpy as np
import pytest

import minigoog as mg
from minigoog.inspection import inputs
from minigoog.inspection.page.build import LIMIT, build_page
from minigoog.inspection.page.data import page_data
from minigoog.inspection.page.evidence import evidence
from minigoog.inspection.page.layout import layout
from minigoog.inspection.page.packing import DIGITS, Pack, rounded
from minigoog.inspection.rules import input_names
from minigoog.inspection.trace.trace import trace

from ..test_inputs import flags_of


def traced(**flags):
    mg.manual_seed(0)
    sample = inputs.load_sample(flags_of(**flags))
    return trace(sample.model, sample.image, sample.label), sample


@pytest.fixture(scope="module")
def tiny():
    return traced()


# ---- arrays ----


def unpacked(pack):
    """The arrays of a Pack from its text alone, as the page has to find them."""
    text, n = pack.text()
    digits = np.zeros(256, np.int64)
    digits[list(DIGITS)] = range(85)
    numbers = digits[np.frombuffer(text.encode(), np.uint8)].reshape(-1, 5) @ 85 ** np.arange(4, -1, -1)
    data = zlib.decompress(numbers.astype(">u4").tobytes()[:n])
    found = []
    for array in pack.arrays:
        dtype = {"f4": np.float32, "i1": np.int8, "u1": np.uint8, "u4": np.uint32}[array["kind"]]
        values = np.frombuffer(data, dtype, np.prod(array["shape"], dtype=int), array["at"]).reshape(array["shape"])
        if "scales" in array:
            channels = array["shape"][0 if array.get("planes") else -1]
            scales = np.frombuffer(data, np.float32, channels, array["scales"])
            values = values * (scales[:, None, None] if array.get("planes") else scales)
        found.append(values)
    return found


def planes_of(facts, arrays, node, which):
    """The planes [c, h, w] of a node's output "y" or gradient "dy", as the page has to find them."""
    nodes, place = facts["nodes"], node[which]
    if "array" in place:
        return arrays[place["array"]][place["from"] : place["from"] + node["shape"][2]]
    if "parts" in place:
        return np.concatenate([planes_of(facts, arrays, nodes[number], "y") for number in place["parts"]])
    reader = nodes[place["user"]] if "user" in place else node
    low, high = {"ReLU": (0, None)}.get(reader["operation"]) or (reader["settings"]["low"], reader["settings"]["high"])
    x = planes_of(facts, arrays, nodes[place["input"]] if "input" in place else node, "y")
    clipped = np.clip(x, low, high)
    return clipped if "input" in place else planes_of(facts, arrays, reader, "dy") * ((clipped == x) & (x != low))


class Clipped(mg.nn.Module):
    """ReLU and its relatives as operations of their own, as in imported networks."""

    def __init__(self):
        self.a, self.b = mg.nn.Conv2d(1, 4, 3, padding=1), mg.nn.Conv2d(4, 3, 1)

    def forward(self, x):
        y = mg.ops.clip(self.a(x), 0.0, 0.5)
        z = mg.ops.concat([mg.ops.relu(self.b(y)), mg.ops.relu(y)])
        return mg.ops.global_avg_pool2d(z)


@pytest.fixture(scope="module")
def clipped(tiny):
    mg.manual_seed(0)
    model = Clipped()
    return mg.trace(model, tiny[1].image, 3), tiny[1]._replace(model=model, label=3)


@pytest.mark.parametrize("levels", [None, 127])
def test_what_relu_and_clip_make_is_computed_and_not_stored(clipped, levels):
    facts, pack = page_data(*clipped, levels)
    arrays = unpacked(pack)
    kinds = {(node["operation"], which): sorted(node[which]) for node in facts["nodes"] for which in ("y", "dy")}
    assert kinds["Clip", "y"] == kinds["ReLU", "y"] == ["input"] and kinds["Concat", "y"] == ["parts"] and kinds["Conv2d", "dy"] == ["user"]
    for node, step in zip(facts["nodes"][1:], clipped[0].forward, strict=False):
        for which, expected in (("y", step.output), ("dy", step.dy)):
            planes, expected = planes_of(facts, arrays, node, which), np.moveaxis(expected.reshape(node["shape"]), -1, 0)
            if levels is None:
                assert np.array_equal(planes, expected), (node["name"], which)
            elif which == "dy":  # rounding lets pass what ReLU let pass
                assert np.allclose(planes, expected, atol=np.abs(expected).max() / 127), node["name"]


def test_an_exact_pack_gives_back_every_bit():
    generator = np.random.default_rng(0)
    arrays = [generator.normal(size=shape).astype(np.float32) for shape in ((3, 5, 7), (2, 2, 3, 5), (1,), ())]
    pack = Pack()
    pack.add_map(arrays[0])
    pack.add_weights(arrays[1])
    pack.add_exact(arrays[2])
    pack.add_exact(arrays[3])
    found = unpacked(pack)
    assert np.array_equal(np.moveaxis(found[0], 0, -1), arrays[0])
    assert all(np.array_equal(a, b) for a, b in zip(found[1:], arrays[1:], strict=True))


@pytest.mark.parametrize("levels", [15, 31, 63, 127])
@pytest.mark.parametrize("signed", [True, False])
def test_rounding_is_off_by_half_a_scale_at_most(levels, signed):
    array = np.random.default_rng(0).normal(size=(6, 5, 4)).astype(np.float32)
    array = array if signed else np.maximum(array, 0)
    array[:, :, 3] = 0
    kind, whole, scales = rounded(array, levels)
    assert kind == ("i1" if signed else "u1") and whole.max() <= (levels if signed else 2 * levels + 1)
    assert np.all(np.abs(whole * scales - array) <= scales / 2 * 1.001) and not (whole * scales)[:, :, 3].any()


def test_a_rounded_pack_holds_maps_and_weights_channel_by_channel():
    array = np.random.default_rng(0).normal(size=(6, 5, 4)).astype(np.float32) * [1, 10, 100, 1000]
    pack = Pack(levels=63)
    pack.add_map(array.astype(np.float32))
    pack.add_weights(array)
    planes, weights = unpacked(pack)
    assert np.all(np.abs(np.moveaxis(planes, 0, -1) - array).max(axis=(0, 1)) <= np.abs(array).max(axis=(0, 1)) / 254 * 1.001)
    assert np.all(np.abs(weights - array).max(axis=(0, 1)) <= np.abs(array).max(axis=(0, 1)) / 126 * 1.001)


def test_digits_mean_nothing_to_html():
    assert len(set(DIGITS)) == 85 and not set(DIGITS) & set(b"<>&\"'/\\")


# ---- facts ----


@pytest.mark.parametrize("flags", [{}, {"model": "lenet5", "training": True}, {"model": "nin"}, {"training": True}])
def test_every_map_and_gradient_is_that_of_the_trace(flags):
    steps, sample = traced(**flags)
    facts, pack = page_data(steps, sample)
    arrays, drawn = unpacked(pack), {step.name: step for step in steps.forward}
    assert [node["name"] for node in facts["nodes"][1:]] == [step.name for step in steps.forward if step.receptive_field]
    for node in facts["nodes"][1:]:
        step, (h, w, c) = drawn[node["name"]], node["shape"]
        for which, expected in (("y", step.output), ("dy", step.dy)):
            planes = planes_of(facts, arrays, node, which)
            assert np.array_equal(np.moveaxis(planes, 0, -1), expected.reshape(h, w, c)), (node["name"], which)
        for name, number in node["weights"].items():
            assert np.array_equal(arrays[number], step.inputs[input_names(step.op).index(name)]), (node["name"], name)
        assert node["forward"]["ms"] == step.ms and node["parameters"] == step.parameters


@pytest.mark.parametrize("flags", [{}, {"model": "lenet5"}, {"training": True}])
def test_the_chosen_numbers_are_the_strongest_and_their_breakdowns_add_up(flags):
    steps, sample = traced(**flags)
    facts, pack = page_data(steps, sample, levels=31)
    arrays = unpacked(pack)
    for node in facts["nodes"]:
        for which, name in (("exact", "y"), ("exactBack", "dy")):
            if which not in node:
                continue
            chosen = node[which]
            i, j, c = chosen["at"]
            shown = planes_of(facts, arrays, node, name)
            assert abs(shown[c, i, j] - chosen["stored"]) <= abs(chosen["stored"]) / 250 + 1e-12
            if chosen["breakdowns"]:
                assert sum(breakdown["value"] for breakdown in chosen["breakdowns"]) == pytest.approx(chosen["stored"], rel=1e-3, abs=1e-6)


def test_branches_are_slices_of_their_concatenation(tiny):
    facts, _ = page_data(*tiny)
    by_name = {node["name"]: node for node in facts["nodes"]}
    whole = by_name["inception2a.concat"]
    parts = [by_name[f"inception2a.{branch}"] for branch in ("branch1x1", "branch3x3.conv", "branch5x5.conv", "branch_pool.project")]
    assert whole["y"] == {"parts": tuple(facts["nodes"].index(part) for part in parts)}
    assert [part["dy"]["from"] for part in parts] == [0, 16, 48, 64]
    assert {part["dy"]["array"] for part in parts} == {whole["dy"]["array"]}


def test_the_largest_weights_are_left_out_first(tiny):
    facts, _ = page_data(*tiny, levels=31, most_weights=20_000)
    sizes = {f"{step.name}: weight": step.inputs[1].size for step in tiny[0].forward if step.parameters}
    left_out = [sizes[name] for name in facts["leftOut"]]
    assert left_out and min(left_out) >= max(size for name, size in sizes.items() if name not in facts["leftOut"])
    assert sum(sizes.values()) - sum(left_out) <= 20_000
    left = [node for node in facts["nodes"] if node["weights"].get("weight", 0) is None]
    assert len(left) == len(left_out) and all(node["exact"]["breakdowns"][0]["factors"] for node in left)


def test_winners_of_max_pools_point_at_the_largest_number(tiny):
    facts, pack = page_data(*tiny)
    arrays = unpacked(pack)
    for node in (node for node in facts["nodes"] if node["operation"] == "MaxPool2d"):
        step = tiny[0][node["name"]][0]
        _, kw = node["settings"]["window"]
        stride, padding = node["settings"]["stride"][0], node["settings"]["padding"][0]
        for (i, j, c), place in np.ndenumerate(arrays[node["indices"]["winners"]].astype(int)):
            row, column = i * stride - padding + place // kw, j * stride - padding + place % kw
            assert step.inputs[0][0, row, column, c] == step.output[0, i, j, c]


# ---- evidence ----


@pytest.mark.parametrize("model", ["tiny", "nin", "small"])
def test_the_mean_of_a_map_of_evidence_plus_the_bias_is_the_logit(model):
    facts, _ = page_data(*traced(model=model))
    for entry in facts["verdict"]["classes"]:
        assert np.mean(entry["map"]) + entry["bias"] == pytest.approx(entry["logit"], rel=1e-4, abs=1e-5)


def test_no_evidence_is_shown_if_it_would_not_be_exact():
    for flags in ({"model": "lenet5"}, {"training": True}):
        facts, _ = page_data(*traced(**flags))
        assert "evidence" not in facts["verdict"] and all("map" not in entry for entry in facts["verdict"]["classes"])
    hidden = mg.nn.Sequential(pool=mg.nn.GlobalAvgPool2d(), a=mg.nn.Linear(3, 4, relu=True), b=mg.nn.Linear(4, 5))
    steps = mg.trace(hidden, np.ones((2, 2, 3)))
    assert evidence(steps[-1].op, [0]) is None


# ---- layout ----


def test_branches_stand_side_by_side_and_the_trunk_in_the_middle():
    #          0
    #      /  |   \
    #     1   2    4
    #     |   3    |        3 and 4: short branches
    #      \  |   /
    #          5 -> 7 (end);  5 -> 6, a head
    inputs_of = [(), (0,), (0,), (2,), (0,), (1, 3, 4), (5,), (5,)]
    spots = layout(inputs_of, [5], 7)
    assert [spot.x for spot in spots][:6] == [0, -1.1, 0, 0, 1.1, 0] and spots[7].x == 0 and spots[6].x > 1.1
    assert [spot.row for spot in spots] == [0, 2, 1, 2, 2, 3, 4, 4]


@pytest.mark.parametrize("flags", [{}, {"model": "googlenet", "training": True}, {"model": "nin"}])
def test_no_two_boxes_stand_in_one_place_and_everything_is_below_what_it_reads(flags):
    steps, sample = traced(**flags)
    nodes = page_data(steps, sample, levels=31, most_weights=0)[0]["nodes"]
    assert len({(node["x"], node["row"]) for node in nodes}) == len(nodes)
    for node in nodes:
        assert all(nodes[source]["row"] < node["row"] for source in node["inputs"]), node["name"]


def test_forks_within_branches_and_blocks_beside_their_shortcut_do_not_overlap():
    #  0 -> 1 -> (2 | 3) -> 4, beside 5, meet in 6;  7 -> 8 and a gate 9, 10 on it meet in 11, beside the shortcut from 6 to 12
    inputs_of = [(), (0,), (1,), (1,), (2, 3), (0,), (4, 5), (6,), (7,), (8,), (9,), (8, 10), (6, 11)]
    spots = layout(inputs_of, [4, 6, 11, 12], 12)
    assert len(set(spots)) == len(spots) and all(spots[node].x == 0 for node in (0, 6, 12))
    assert spots[1].x == spots[4].x < spots[5].x and spots[2].x < spots[4].x < spots[3].x
    assert 0 < spots[7].x == spots[8].x == spots[11].x < spots[9].x


def test_the_frame_of_a_module_is_around_its_branches(tiny):
    facts, _ = page_data(*tiny)
    assert [frame["name"] for frame in facts["frames"]] == ["inception2a", "inception2b", "inception3a", "inception3b"]
    names = [facts["nodes"][number]["name"] for number in facts["frames"][0]["nodes"]]
    assert sorted(names) == sorted(node["name"] for node in facts["nodes"] if node["name"].startswith("inception2a."))


# ---- the page ----


def test_the_page_is_one_file_that_asks_for_nothing(tiny):
    page = build_page(*tiny)
    assert len(page) < 1_200_000
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", page) and " src=" not in page and "@import" not in page
    facts = json.loads(re.search(r'<script type="application/json" id="facts">(.*?)</script>', page, re.S)[1])
    assert facts["levels"] is None and facts["leftOut"] == []


def test_what_would_end_a_script_does_not(tiny):
    steps, sample = tiny
    page = build_page(steps, sample._replace(about="</script><b>/*SCRIPT*/ & \u2028"))
    assert "</script><b>" not in page and page.count('"use strict";') == 1


def test_googlenet_fits_with_its_heads_and_without():
    for training in (False, True):
        page = build_page(*traced(model="googlenet", training=training))
        assert len(page.encode()) <= LIMIT < 25_000_000
        facts = json.loads(re.search(r'id="facts">(.*?)</script>', page, re.S)[1])
        assert bool(facts["leftOut"]) == training and "classifier: weight" not in facts["leftOut"]
