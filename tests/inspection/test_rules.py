"""The table of rules: one for the exact class of an operation, none for a user's class of the same name."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

import minigoog as mg
from minigoog import Tensor, nn
from minigoog.inspection import Breakdown, Rule, add_up, rule_for
from minigoog.inspection.page.build import build_page
from minigoog.inspection.page.data import page_data
from minigoog.inspection.rules import FILES, has_rule, rule_of
from minigoog.inspection.rules.rule import RULES, function_name
from minigoog.inspection.trace.receptive_field import receptive_fields
from minigoog.op import Op
from minigoog.ops.relu import ReLU as OurReLU

ROOT = Path(mg.__file__).parent
WEB = ROOT / "inspection" / "page" / "web" / "rules"


class ReLU(Op):
    """A user's own: leaky, with the name of ours."""

    def forward(self, x):
        self.x = x
        return np.where(x > 0, x, x / 4)

    def backward(self, dy):
        return (np.where(self.x > 0, dy, dy / 4),)


class MaxPool2d(Op):
    """A user's own: the smallest of each window of 2x2, with the name of ours."""

    def forward(self, x):
        n, h, w, c = x.shape
        windows = x.reshape(n, h // 2, 2, w // 2, 2, c)
        self.y = windows.min(axis=(2, 4))
        self.share = (windows == self.y[:, :, None, :, None]) / np.float32(1)
        return self.y

    def backward(self, dy):
        return ((self.share * dy[:, :, None, :, None]).reshape(self.inputs[0].shape),)


class Subclass(OurReLU):
    """Of one of ours: what it computes may be something else."""


class Layer(nn.Module):
    """A module that runs one operation."""

    def __init__(self, operation):
        self.operation = operation

    def forward(self, x):
        return self.operation()(x)


def network(*operations):
    mg.manual_seed(0)
    layers = {f"own{i}": Layer(operation) for i, operation in enumerate(operations)}
    return nn.Sequential(conv=nn.Conv2d(1, 3, 3, padding=1), **layers, pool=nn.GlobalAvgPool2d())


@pytest.fixture
def image():
    return np.random.default_rng(0).random((8, 8, 1), np.float32)


@pytest.fixture
def table():
    """The table of rules, which is afterwards as it was."""
    before = dict(RULES)
    yield RULES
    RULES.clear()
    RULES.update(before)


# ---- the table ----

OURS = {operation: rule for operation, rule in RULES.items() if operation.__module__.startswith("minigoog.ops.")}


def test_every_rule_of_ours_is_in_the_file_named_as_that_of_its_operation():
    assert len(OURS) > 20
    for operation, rule in OURS.items():
        file = type(rule).__module__.rpartition(".")[2]
        assert file == operation.__module__.rpartition(".")[2] and file in FILES


def test_python_and_javascript_name_the_same_rules_in_files_of_the_same_name():
    named = {(type(rule).__module__.rpartition(".")[2], rule.javascript) for rule in OURS.values() if rule.javascript}
    written = {(path.stem, name) for path in WEB.glob("*.js") for name in re.findall(r"^RULES\.(\w+) = ", path.read_text(), re.M)}
    assert named == written and len(named) > 10


def test_every_rule_of_ours_has_a_name_and_words():
    for operation, rule in OURS.items():
        assert rule.function and type(rule).words is not Rule.words, operation
    assert len({rule.function for rule in OURS.values()}) == len(OURS)


def test_no_file_of_inspection_decides_by_the_name_of_a_class():
    names = {operation.__name__ for operation in OURS}
    for path in [*(ROOT / "inspection").rglob("*.py"), *(ROOT / "inspection").rglob("*.js")]:
        strings = set(re.findall(r"[\"'](\w+)[\"']", path.read_text()))
        keys = set(re.findall(r"^\s*(\w+): ", path.read_text(), re.M)) if path.suffix == ".js" else set()
        assert not (strings | keys) & names, path


# ---- operations without a rule ----


@pytest.mark.parametrize("operation", [ReLU, MaxPool2d, Subclass])
def test_an_operation_without_a_rule_is_traced_and_says_how_to_add_one(operation, image):
    steps = mg.trace(network(operation), image, 1)
    there, back = steps["own0"]
    assert not has_rule(there.op) and (there.kernel, back.kernel) == ("NumPy", "NumPy") and there.multiply_adds == 0
    assert np.array_equal(there.output, operation()(Tensor(there.inputs[0])).data)
    message = rf"explain: {operation.__name__} has no rule .*: register one with @minigoog.inspection.rule_for\({operation.__name__}\)"
    with pytest.raises(NotImplementedError, match=message):
        there.explain(0, 0, 0)
    with pytest.raises(NotImplementedError, match=message.replace("explain", "explain_gradient", 1)):
        back.explain_gradient(0, 0, 0)
    assert steps["conv"][0].explain(0, 0, 0).stored == steps["conv"][0].output[0, 0, 0, 0]


def test_an_operation_without_a_rule_may_see_the_whole_image_and_so_does_what_follows(image):
    model = nn.Sequential(own=Layer(MaxPool2d), conv=nn.Conv2d(1, 2, 3), pool=nn.GlobalAvgPool2d())
    for step in mg.trace(model, image):
        assert step.receptive_field.window(1, 1, (8, 8)) == (slice(0, 8), slice(0, 8))
        assert not step.receptive_field.is_known and str(step.receptive_field) == "all"


def test_a_branch_without_a_rule_makes_the_sum_of_branches_unknown(image):
    x = Tensor(image[None], requires_grad=True)
    y = mg.ops.relu(x) + ReLU()(x)
    fields = receptive_fields(y.tape(), x)
    assert [field.is_known for field in fields.values()] == [True, False, False]


def test_a_reshape_that_moves_pixels_may_see_the_whole_image(image):
    x = Tensor(image[None], requires_grad=True)
    moved, same = x.reshape(1, 4, 16, 1), x.reshape(1, 8, 8, 1)
    assert not receptive_fields(moved.tape(), x)[moved.op].is_known
    assert receptive_fields(same.tape(), x)[same.op].size == (1, 1)


@pytest.mark.parametrize("operation", [ReLU, MaxPool2d])
def test_the_page_shows_an_operation_without_a_rule_and_explains_the_others(operation, image, sample):
    steps = mg.trace(network(operation), image, 1)
    facts, _ = page_data(steps, sample(network(operation), image))
    conv, own, pool, *_ = facts["nodes"][1:]
    assert (own["rule"], own["hasRule"], own["exact"]["breakdowns"]) == ("", False, None)
    assert (conv["rule"], conv["hasRule"]) == ("conv2d", True) and conv["exact"]["breakdowns"] and pool["exact"]["breakdowns"]
    assert conv["exactBack"]["breakdowns"] is None and own["exactBack"]["breakdowns"]  # what own sends back, and what it gets
    assert "has no rule" in own["does"] and not own["sees"]["known"]
    assert json.dumps(own["exact"]) in build_page(steps, sample(network(operation), image)).replace(",", ", ").replace(":", ": ")


@pytest.fixture
def sample():
    """A Sample of a model and an image, of three classes."""
    from minigoog.inspection.inputs import Sample

    return lambda model, image: Sample(model, image, (255 * image).astype(np.uint8), 1, ("a", "b", "c"), "a model\nan image")


# ---- a rule of one's own ----


def leaky_rule():
    class Leaky(Rule):
        function, inputs = "leaky", ("x",)

        def output(self, op, index):
            x = op.inputs[0].data[index]
            return add_up("x * slope", {"x": x, "slope": np.asarray(1.0 if x > 0 else 0.25)})

        def gradient(self, op, dy, k, index):
            return Breakdown("dy * slope", {}, float(dy[index] * (1 if op.inputs[0].data[index] > 0 else 0.25)))

    return Leaky


def test_a_rule_of_ones_own_explains_and_is_for_that_class_alone(image, table, sample):
    ours = rule_of(OurReLU())
    rule = leaky_rule()
    assert rule_for(ReLU)(rule) is rule
    model = network(ReLU, Subclass)
    steps = mg.trace(model, image, 1)
    there, back = steps["own0"]
    for index in np.ndindex(8, 8, 3):
        e, g = there.explain(*index), back.explain_gradient(*index, of="x")
        assert e.value == pytest.approx(e.stored, rel=1e-6) and g.value == pytest.approx(g.stored, rel=1e-6)
    with pytest.raises(NotImplementedError, match="Subclass has no rule"):
        steps["own1"][0].explain(0, 0, 0)
    assert rule_of(OurReLU()) is ours
    _, _, own, *_ = page_data(steps, sample(model, image))[0]["nodes"]
    assert own["hasRule"] and own["rule"] == "" and own["exact"]["breakdowns"][0]["formula"] == "x * slope"


def test_a_rule_may_leave_its_gradient_out(image, table):
    @rule_for(ReLU)
    class Half(Rule):
        def output(self, op, index):
            return Breakdown("known", {}, float(op.y[index]))

    there, back = mg.trace(network(ReLU), image, 1)["own0"]
    assert there.explain(0, 0, 0).formula == "known"
    with pytest.raises(NotImplementedError, match="explain_gradient: ReLU has no rule"):
        back.explain_gradient(0, 0, 0)


def test_a_step_without_a_rule_is_called_after_its_class_in_small_letters():
    names = {"ReLU": "relu", "LeakyReLU": "leaky_relu", "MaxPool2d": "max_pool2d", "GELU": "gelu", "MyOwnOp": "my_own_op"}
    for name, expected in names.items():
        assert function_name(type(name, (Op,), {})()) == expected


@pytest.mark.parametrize("wrong", [ReLU(), nn.ReLU, "ReLU", int])
def test_a_rule_is_for_a_class_of_operations(wrong):
    with pytest.raises(TypeError, match=r"rule_for: `operation` is .*, expected a subclass of Op"):
        rule_for(wrong)
