"""The tape: found, walked, stepped through, freed."""

import subprocess
import sys
import weakref

import numpy as np
import pytest

import minigoog as mg
from minigoog import Tape, Tensor, ops


def leaf(*values):
    return Tensor(np.array(values, np.float32), requires_grad=True)


def diamond(x):
    """Two branches from one tensor, concatenated, the whole used twice, and a residual."""
    left, right = ops.relu(x), ops.mul(x, x)
    both = ops.concat([left, right])
    return (both * both + both).sum() + (x + x).sum()


def test_a_value_used_twice_counts_twice():
    """Karpathy's micrograd, test_more_ops, once had the bug that gave 1 here: c = b + b = 2a + 2a."""
    a = leaf(1)
    b = a + a
    c = b + b
    c.backward()
    assert c.item() == 4 and a.grad.tolist() == [4]


@pytest.mark.parametrize("backend", ["native", "reference"])
def test_a_single_value_may_be_used_many_times_in_a_loss(request, backend):
    """NumPy turns arrays of no axes into numbers, which the addition of gradients then refused."""
    if backend == "native":
        request.getfixturevalue("native")
    with mg.kernels.use(backend):
        x = leaf(1, 2)
        s = x.sum()
        (s * 2.0 + s * 3.0 + s * s).backward()
    assert x.grad.tolist() == [2 + 3 + 2 * 3] * 2


def test_a_diamond_has_the_gradient_that_calculus_gives():
    x = Tensor(np.array([[[[1.0, -2.0, 3.0]]]], np.float32), requires_grad=True)
    diamond(x).backward()
    v = x.data.astype(float)
    expected = np.where(v > 0, 2 * v + 1, 0) + 4 * v**3 + 2 * v + 2  # (r^2 + r) + (x^4 + x^2) + 2x
    assert np.allclose(x.grad, expected)


def test_a_chain_of_twenty_thousand_operations_needs_no_recursion():
    x = leaf(1)
    y = x
    for _ in range(20_000):
        y = y + x
    y.sum().backward()
    assert x.grad.tolist() == [20_001]


def test_a_long_chain_that_is_never_differentiated_dies_without_recursion():
    program = ("import minigoog as mg; y = mg.Tensor([1.0], requires_grad=True)\n"
               "for _ in range(100_000): y = -y\n"
               "del y; print('alive')")
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and "alive" in done.stdout, done.stderr[-500:]


def test_gradients_accumulate_over_several_backwards_until_they_are_forgotten():
    x = leaf(2)
    for expected in ([3], [6]):
        (x * 3.0).sum().backward()
        assert x.grad.tolist() == expected
    x.grad = None
    (x * 3.0).sum().backward()
    assert x.grad.tolist() == [3]


def test_the_tape_lists_the_operations_oldest_first_each_once():
    x = leaf(1, 2)
    unrelated = ops.relu(x)
    loss = (ops.relu(x) * 2.0 + x).sum()
    assert isinstance(loss.tape(), list)
    assert [op.name for op in loss.tape()] == ["ReLU", "Scale", "Add", "Sum"]
    assert unrelated.op not in loss.tape()
    assert all(a.tick < b.tick for a, b in zip(loss.tape(), loss.tape()[1:], strict=False))


def test_a_printed_tape_has_a_line_for_each_operation():
    loss = ops.relu(Tensor(np.ones((2, 3), np.float32), requires_grad=True)).sum()
    lines = repr(loss.tape()).splitlines()
    assert len(lines) == 2
    assert all(word in lines[0] for word in ("0", "ReLU", "2x3")) and "Sum" in lines[1]
    assert repr(leaf(1).tape()) == "(an empty tape)"


def test_stepping_through_the_tape_is_backward_one_operation_at_a_time():
    x, twin = (Tensor(np.array([[[[1.0, -2.0, 3.0]]]], np.float32), requires_grad=True) for _ in range(2))
    diamond(twin).backward()
    loss = diamond(x)
    seen = []
    for op, dy, dxs in loss.tape().steps():
        assert dy.shape == op.y.shape and len(dxs) == len(op.inputs)
        assert all(dx is None or dx.shape == i.shape for i, dx in zip(op.inputs, dxs, strict=True))
        seen.append(op)
    assert seen == list(loss.tape())[::-1]
    assert np.array_equal(x.grad, twin.grad)


def test_gradients_that_a_step_has_handed_out_do_not_change_later():
    x = Tensor(np.array([[[[1.0, -2.0, 3.0]]]], np.float32), requires_grad=True)
    kept = []
    for _, dy, dxs in diamond(x).tape().steps():
        kept += [(a, a.copy()) for a in (dy, *dxs) if a is not None]
    assert len(kept) > 10 and all(np.array_equal(a, copy) for a, copy in kept)


def test_the_gradient_that_is_handed_in_does_not_change():
    a, b = Tensor(np.ones((2, 3), np.float32), requires_grad=True), Tensor(np.ones((2, 3), np.float32), requires_grad=True)
    dy = np.full((2, 3), 2, np.float32)
    y = a + b
    z = y + a
    z.backward(dy)
    a.grad += 100
    assert np.all(dy == 2) and np.all(b.grad == 2)


def test_the_gradients_of_two_leaves_never_share_memory():
    a, b = leaf(1, 2), leaf(3, 4)
    (a + b).backward(np.ones(2, np.float32))
    assert not np.shares_memory(a.grad, b.grad)
    c = leaf(1)
    dy = np.ones(1, np.float32)
    c.backward(dy)
    assert not np.shares_memory(c.grad, dy)


def test_gradients_of_slices_are_right_when_a_concatenation_and_its_parts_are_both_used():
    x = Tensor(np.ones((1, 1, 1, 2), np.float32), requires_grad=True)
    part = x * 2.0
    whole = ops.concat([part, part, x])
    (whole.sum() + (part * part).sum() + ops.concat([whole, part]).sum()).backward()
    assert x.grad.ravel().tolist() == [2 * 2 + 1 + 8 + (2 * 2 + 1 + 2)] * 2  # d/dx of 5x, 4x^2 and 7x at 1


def test_adding_two_parts_of_one_gradient_leaves_both_right():
    """Add hands the same array to both inputs; one of them then gets more."""
    x, z = leaf(1, 2), leaf(3, 4)
    a, b = x * 1.0, z * 1.0
    total = a + b
    (total + a).backward(np.array([1, 10], np.float32))
    assert x.grad.tolist() == [2, 20] and z.grad.tolist() == [1, 10]


def test_backward_frees_the_record():
    x = Tensor(np.ones((4, 4), np.float32), requires_grad=True)
    y = ops.relu(x)
    record = weakref.ref(y.data)
    op, loss = y.op, y.sum()
    del y
    loss.backward()
    assert op.freed and not op.inputs and record() is None
    assert "freed" in repr(op)


def test_a_graph_without_references_is_freed_by_reference_count_alone():
    import gc

    gc.disable()
    try:
        y = ops.relu(Tensor(np.ones(4, np.float32), requires_grad=True))
        record = weakref.ref(y.data)
        loss = (y * 2.0).sum()
        del y, loss
        assert record() is None
    finally:
        gc.enable()


def test_the_error_of_a_second_backward_names_the_remedy():
    x = leaf(1)
    loss = (x * 2.0).sum()
    loss.backward()
    with pytest.raises(RuntimeError, match=r"the record of Sum was freed by an earlier backward\(\).*retain_graph=True"):
        loss.backward()
    y = ops.relu(x)
    y.sum().backward()
    with pytest.raises(RuntimeError, match="the record of ReLU was freed"):
        (y * 2.0).sum().backward()
    assert x.grad.tolist() == [3]  # the failed ones added nothing


def test_retain_graph_allows_another_backward():
    x = leaf(1)
    loss = (x * 2.0).sum()
    loss.backward(retain_graph=True)
    loss.backward()
    assert x.grad.tolist() == [4]


def test_no_grad_records_nothing_and_ends_even_after_an_error():
    x = leaf(1)
    with pytest.raises(ZeroDivisionError), mg.no_grad():
        y = x * 2.0
        assert y.op is None and not y.requires_grad
        with mg.no_grad():
            pass
        assert (x * 2.0).op is None  # still off after the inner block
        1 / 0  # noqa: B018
    assert (x * 2.0).op is not None
    with pytest.raises(RuntimeError, match="no input of this tensor requires a gradient"):
        y.sum().backward()


def test_backward_of_many_values_needs_a_gradient_of_their_shape():
    y = leaf(1, 2) * 2.0
    with pytest.raises(ValueError, match=r"`grad` is missing: a tensor of shape \(2,\)"):
        y.backward()
    with pytest.raises(ValueError, match=r"`grad` has shape \(3,\), expected \(2,\)"):
        y.backward(np.ones(3, np.float32))


def test_gradients_that_are_not_requested_are_not_computed():
    x, w = Tensor(np.ones((1, 3, 3, 2), np.float32)), Tensor(np.ones((1, 1, 2, 2), np.float32), requires_grad=True)
    (_, _, (dy,)), (_, _, dxs) = ops.conv2d(x, w).sum().tape().steps()
    assert dxs[0] is None and dxs[1].shape == w.shape and x.grad is None and dy.shape == (1, 3, 3, 2)


def test_taking_requires_grad_off_an_intermediate_cuts_the_gradient_there():
    x, z = leaf(1), leaf(2)
    y = x * 3.0
    y.requires_grad = False
    (y + z).sum().backward()
    assert z.grad.tolist() == [1] and x.grad is None


def test_a_tape_of_a_leaf_is_empty_and_its_backward_is_its_own_gradient():
    x = leaf(5)
    assert list(Tape(x)) == []
    x.backward()
    assert x.grad.tolist() == [1]


# ---- forward again ----


def test_replay_gives_the_same_bits_one_operation_at_a_time():
    mg.manual_seed(1)
    model = mg.models.TinyInception()  # in training: dropout drops what it dropped
    x = Tensor(np.random.default_rng(0).random((2, 8, 8, 1), np.float32))
    loss = mg.losses.cross_entropy(model(x), np.array([3, 4]))
    tape = loss.tape()
    before = [op.y.copy() for op in tape]
    replayed = list(tape.replay())
    assert [op for op, _ in replayed] == list(tape)
    assert all(np.array_equal(y, earlier) and y is op.y for (op, y), earlier in zip(replayed, before, strict=True))


def test_replay_lets_a_changed_leaf_through_to_the_result_and_the_gradient():
    x, twin = (Tensor(np.array([[[[1.0, -2.0, 3.0]]]], np.float32), requires_grad=True) for _ in range(2))
    loss = diamond(x)
    x.data[...] = twin.data[...] = [[[[-1.0, 5.0, 2.0]]]]
    expected = diamond(twin)
    for _ in loss.tape().replay():
        pass
    assert loss.item() == expected.item()
    loss.backward()
    expected.backward()
    assert np.array_equal(x.grad, twin.grad)


def test_replay_leaves_the_branches_of_an_inception_module_in_slices_of_its_output():
    model = mg.nn.Inception(2, 3, 2, 4, 1, 2, 2)
    y = model(Tensor(np.ones((1, 5, 5, 2), np.float32)))
    tape = y.tape()
    model.branch1x1.bias.data[...] = 7
    for _ in tape.replay():
        pass
    assert y.data is tape[-1].y and np.all(y.data[..., :3] >= 0)
    assert all(np.shares_memory(x.data, y.data) for x in tape[-1].inputs)
    assert np.array_equal(y.data, model(Tensor(np.ones((1, 5, 5, 2), np.float32))).data)


def test_a_tape_of_several_results_holds_the_operations_of_all_and_differentiates_the_first():
    x = leaf(2)
    shared = x * 3.0
    first, second = shared.sum(), ops.relu(shared)
    tape = Tape(first, second)
    assert [op.name for op in tape] == ["Scale", "Sum", "ReLU"]
    assert [op.name for op, *_ in tape.steps()] == ["Sum", "Scale"] and x.grad.tolist() == [3]
