"""The branch ledger: its sums, its gradients, and what a network loses without a branch."""

import sys

import numpy as np
import pytest

import minigoog as mg
from minigoog import Tensor
from minigoog.inspection import __main__ as program
from minigoog.inspection.branches import program as program_branches
from minigoog.inspection.trace.forks import forks, module_name
from tests.strategies import numbers


@pytest.fixture(scope="module")
def case():
    """(model, images, labels): labels are what the untrained network says, some of them changed."""
    mg.manual_seed(0)
    model, images = mg.models.TinyInception().eval(), mg.data.digits()[1].images[::3] / np.float32(255)
    labels = right(model, images)
    labels[::7] = 3
    return model, images, labels


def right(model, images):
    with mg.no_grad():
        return model(Tensor(images)).data.argmax(axis=1)


@pytest.fixture(scope="module")
def ledger(case):
    return mg.inspection.branch_ledger(*case)


def test_there_is_a_row_for_each_branch_of_each_module(ledger):
    expected = [(f"inception{m}", branch) for m in ("2a", "2b", "3a", "3b") for branch in ("1x1", "3x3", "5x5", "pool")]
    assert [(row.module, row.branch) for row in ledger.rows] == expected


def test_parameters_and_work_are_those_of_the_summary(case, ledger):
    layers = mg.summary(case[0], (8, 8, 1)).rows
    for row in ledger.rows:
        separator = "_" if row.branch == "pool" else ""
        own = [layer for layer in layers if f"{layer.name}.".startswith(f"{row.module}.branch{separator}{row.branch}.")]
        assert row.parameters == sum(layer.parameters for layer in own)
        assert row.multiply_adds == sum(layer.multiply_adds for layer in own)
        assert row.bytes == sum(4 * int(np.prod(layer.out_shape)) for layer in own)
        assert row.ms > 0 and np.isclose(row.gflops, 2 * row.multiply_adds / row.ms / 1e6)


def test_the_gradient_is_as_long_as_that_of_a_plain_backward(case, ledger):
    model, images, labels = case
    mg.losses.cross_entropy(model(Tensor(images[:32])), labels[:32]).backward()
    gradients = {name: p.grad.astype(float) for name, p in model.named_parameters()}
    model.zero_grad()
    for row in ledger.rows:
        prefix = f"{row.module}.branch{'_' if row.branch == 'pool' else ''}{row.branch}."
        square = sum((g**2).sum() for name, g in gradients.items() if name.startswith(prefix))
        assert np.isclose(row.gradient_norm, np.sqrt(square), rtol=1e-4)


def test_the_accuracy_lost_is_that_of_a_network_whose_branch_has_no_weights(case, ledger):
    """Independent of how the branch is silenced: weights and bias 0 before a ReLU give 0 too."""
    model, images, labels = case
    assert np.isclose(ledger.accuracy, (right(model, images) == labels).mean())
    lost = []
    for row in ledger.rows:
        branch = getattr(getattr(model, row.module), f"branch{'_' if row.branch == 'pool' else ''}{row.branch}")
        last = branch if row.branch == "1x1" else list(branch.children())[-1]
        kept = last.weight.data.copy(), last.bias.data.copy()
        last.weight.data[...] = last.bias.data[...] = 0
        lost.append(ledger.accuracy - (right(model, images) == labels).mean())
        last.weight.data[...], last.bias.data[...] = kept
    assert np.allclose([row.accuracy_lost for row in ledger.rows], lost) and max(lost) > 0.1


def test_the_model_is_left_as_it_was(case):
    model, images, labels = case
    model.train()
    try:
        mg.inspection.branch_ledger(model, images[:8], labels[:8])
        assert all(module.training and "forward" not in vars(module) for _, module in model.named_modules())
        assert all(p.grad is None for p in model.parameters())
    finally:
        model.eval()


def test_the_printed_table_has_a_line_for_each_branch_and_each_kind(ledger):
    lines = str(ledger).splitlines()
    assert lines[0] == f"TinyInception, measured with 32 images at once; {ledger.accuracy:.2%} of 119 images correct with all branches"
    assert len(lines) == 2 + 2 + 16 + 4 and lines[4].split()[:4] == ["inception2a", "1x1", "528", "32,768"]
    totals = [line.split() for line in lines[-4:]]
    assert [cells[:2] for cells in totals] == [["all", "1x1"], ["all", "3x3"], ["all", "5x5"], ["all", "pool"]]
    assert totals[1][2] == f"{sum(row.parameters for row in ledger.rows if row.branch == '3x3'):,}"


def test_without_labels_no_accuracy_is_reported_and_naive_modules_have_branches_too():
    model = mg.nn.Sequential(a=mg.nn.NaiveInception(3, 4, 5, 6), b=mg.nn.GlobalAvgPool2d())
    ledger = mg.inspection.branch_ledger(model, numbers(0, (1, 6, 6, 3)))
    assert ledger.accuracy is None and [row.accuracy_lost for row in ledger.rows] == [None] * 4
    pool = ledger.rows[-1]
    assert (pool.branch, pool.parameters, pool.multiply_adds, pool.gradient_norm) == ("pool", 0, 0, 0)
    assert str(ledger).startswith("Sequential, measured with 1 image at once\n")


def test_a_normalised_network_has_a_ledger_too():
    model = mg.models.TinyInception(norm=True)
    rows = mg.inspection.branch_ledger(model, numbers(0, (2, 8, 8, 1)), [1, 2]).rows
    plain = mg.inspection.branch_ledger(mg.models.TinyInception(), numbers(0, (2, 8, 8, 1)), [1, 2]).rows
    assert [(row.multiply_adds, row.bytes) for row in rows] == [(row.multiply_adds, row.bytes) for row in plain]


def test_a_network_without_branches_is_refused():
    with pytest.raises(ValueError, match="branch_ledger: LeNet5 has no Inception modules"):
        mg.inspection.branch_ledger(mg.models.LeNet5(), np.zeros((1, 32, 32, 1), np.float32))


def test_the_ledger_is_drawn(ledger, tmp_path):
    pytest.importorskip("matplotlib")
    ledger.plot(tmp_path / "branches.png")
    assert (tmp_path / "branches.png").read_bytes().startswith(b"\x89PNG")


def run(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["inspection", "branches", *arguments])
    program.main()


def test_the_program_trains_a_tiny_network_and_measures_it(monkeypatch, capsys):
    monkeypatch.setattr(program_branches, "EPOCHS", 1)
    run(monkeypatch, "--images", "20")
    text = capsys.readouterr().out
    assert "trained now on the digits" in text and "of 20 images correct with all branches" in text and text.count("inception3b") == 4


def test_the_program_refuses_what_cannot_be_measured(monkeypatch, capsys):
    for arguments, message in ((["--model", "lenet5"], "LeNet5 has no Inception modules"),
                               (["--images", "0"], "--images: expected an integer of at least 1, got '0'"),
                               (["--model", "googlenet", "--data", "digits"], "has 10 classes, but the network has 1000")):  # fmt: skip
        monkeypatch.setattr(program_branches, "EPOCHS", 0)
        with pytest.raises(SystemExit) as stop:
            run(monkeypatch, *arguments)
        assert stop.value.code == 2 and message in capsys.readouterr().err


# ---- branches of imported networks ----


def test_an_imported_network_has_the_branches_of_the_one_that_it_was_exported_from(case, ledger, tmp_path):
    """The judge: the ledger that knows Inception modules by their class."""
    pytest.importorskip("onnx", reason="onnx is not installed: no network was exported")
    model, images, labels = case
    mg.save_onnx(model, tmp_path / "tiny.onnx", (8, 8, 1))
    imported = mg.load(tmp_path / "tiny.onnx")
    imported.logits = True
    found = mg.inspection.branch_ledger(imported, images, labels)
    assert [(row.module, row.branch) for row in found.rows] == [(row.module, row.branch) for row in ledger.rows]
    for row, expected in zip(found.rows, ledger.rows, strict=True):
        assert (row.parameters, row.multiply_adds) == (expected.parameters, expected.multiply_adds)
        assert row.accuracy_lost == expected.accuracy_lost
        assert np.isclose(row.gradient_norm, expected.gradient_norm, rtol=1e-4)
    assert np.array_equal(right(imported, images), right(model, images))  # nothing is silent any more


@pytest.mark.parametrize(
    ("inputs", "joins", "expected"),
    [
        ([(), (0,), (0,), (1, 2)], [3], [(0, 3, ((1,), (2,)))]),
        ([(), (0,), (1,), (1,), (2, 3), (1,), (4, 5)], [4, 6], [(1, 4, ((2,), (3,))), (1, 6, ((2, 3, 4), (5,)))]),  # one in the other
        ([(), (0,), (0, 1)], [2], [(0, 2, ((), (1,)))]),  # around a block
        ([(), (0,), (0, 1), (2,), (0, 1, 3)], [4], []),  # a dense block: its branches share nodes
        ([(), (0,), (0, 0)], [2], []),
    ],
)
def test_forks_are_found_in_a_graph(inputs, joins, expected):
    assert [tuple(fork) for fork in forks(inputs, joins)] == expected


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["block_2_expand", "block_2_depthwise", "block_2_add"], "block_2"),
        (["inception3a.branch1.conv", "inception3a.branch2.conv", "inception3a_2"], "inception3a"),
        (["inception_3a.1x1", "inception_3a.3x3", "inception_3a.output"], "inception_3a"),
        (["conv1", "conv10", "concat"], "concat"),
        (["n26", "n28", "n73"], "n73"),
    ],
)
def test_a_module_is_called_what_its_operations_share(names, expected):
    assert module_name(names) == expected
