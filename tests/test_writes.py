"""What the tape keeps for backward and is written to later is an error, not a wrong gradient."""

import copy
import gc

import numpy as np
import pytest

import minigoog as mg
from minigoog import Tensor, nn, ops, optim, writes
from minigoog.kernels.sparse_pattern import SparsePattern
from tests.strategies import numbers


def tensor(*shape, seed=0):
    return Tensor(numbers(seed, shape), requires_grad=True)


PATTERN = SparsePattern.from_mask(np.ones((1, 1, 4, 4), bool))

KEEP_OUTPUT = {  # an operation whose backward reads its output
    "conv2d": lambda x: ops.conv2d(x, tensor(1, 1, 4, 4), relu=True),
    "sparse_conv2d": lambda x: ops.sparse_conv2d(x, tensor(16), pattern=PATTERN, relu=True),
    "relu": ops.relu,
    "tanh": ops.tanh,
    "linear": lambda x: ops.linear(ops.flatten(x), tensor(36, 36), relu=True),
    "softmax": lambda x: ops.softmax(ops.flatten(x)),
}
KEEP_INPUT = {  # an operation whose backward reads its input
    "conv2d": lambda x: ops.conv2d(x, tensor(3, 3, 4, 2)),
    "sparse_conv2d": lambda x: ops.sparse_conv2d(x, tensor(16), pattern=PATTERN),
    "batch_norm": lambda x: ops.batch_norm(x, gamma=tensor(4), beta=tensor(4)),
    "linear": lambda x: ops.linear(ops.flatten(x), tensor(36, 2)),
    "mul": lambda x: x * x,
    "power": lambda x: x**3,
    "channel_affine": lambda x: ops.channel_affine(x, tensor(4), tensor(4)),
    "squared_distance": lambda x: ops.squared_distance(ops.flatten(x), np.ones((2, 36))),
}
WRITE = {  # an operation that writes to the map of `h`
    "relu": lambda h: ops.relu(h, out=h.data),
    "another relu": lambda h: ops.relu(tensor(*h.shape), out=h.data),
    "conv2d": lambda h: ops.conv2d(tensor(*h.shape), tensor(1, 1, h.shape[-1], h.shape[-1]), out=h.data),
    "sparse_conv2d": lambda h: ops.sparse_conv2d(tensor(*h.shape), tensor(16), pattern=PATTERN, out=h.data),
    "max_pool2d": lambda h: ops.max_pool2d(tensor(*h.shape), 1, out=h.data),
    "batch_norm": lambda h: ops.batch_norm(tensor(*h.shape), gamma=tensor(4), beta=tensor(4), out=h.data),
    "concat": lambda h: ops.concat([tensor(*h.shape)], h.data),
    "half of it": lambda h: ops.relu(tensor(*h.shape[:3], 2), out=h.data[..., 1:3]),
    "a view": lambda h: ops.relu(tensor(1, 2, 3, 4), out=h.data[:, 1:]),
    "mark_written": lambda h: h.mark_written(),
}  # fmt: skip


@pytest.mark.parametrize("recorded", [True, False])
@pytest.mark.parametrize("write", WRITE)
@pytest.mark.parametrize("keep", KEEP_INPUT)
def test_an_input_that_backward_needs_must_not_be_written_to(keep, write, recorded):
    h = tensor(1, 3, 3, 4) + tensor(1, 3, 3, 4)
    loss = KEEP_INPUT[keep](h).sum()
    if recorded:
        WRITE[write](h)
    else:
        with mg.no_grad():
            WRITE[write](h)
    with pytest.raises(RuntimeError, match=r"backward: \w+ needs its `\w+` \(.*\) as it was when it ran, but .* has written to it since"):
        loss.backward()


@pytest.mark.parametrize("write", sorted(set(WRITE) - {"relu"}))
@pytest.mark.parametrize("keep", KEEP_OUTPUT)
def test_an_output_that_backward_needs_must_not_be_written_to(keep, write):
    h = KEEP_OUTPUT[keep](tensor(1, 3, 3, 4))
    loss = h.sum()
    WRITE[write](Tensor(h.data.reshape(1, 3, 3, 4)))
    with pytest.raises(RuntimeError, match=r"needs its `y` .* has written to it since"):
        loss.backward()


def test_the_error_names_the_operation_what_it_kept_and_who_wrote():
    h = tensor(2, 3) + tensor(2, 3)
    loss = (h * h).sum()
    ops.relu(h, out=h.data)
    with pytest.raises(RuntimeError, match=r"backward: Multiply needs its `a` \(2, 3\) as it was when it ran, but ReLU has written to it"):
        loss.backward()


NOT_KEPT = {  # operations after which their output may be overwritten in place, as in PyTorch
    "conv2d": lambda x: ops.conv2d(x, tensor(1, 1, 4, 4), tensor(4)),
    "sparse_conv2d": lambda x: ops.sparse_conv2d(x, tensor(16), pattern=PATTERN),
    "batch_norm": lambda x: ops.batch_norm(x, gamma=tensor(4), beta=tensor(4)),
    "linear": lambda x: ops.linear(ops.flatten(x), tensor(36, 36)),
    "max_pool2d": lambda x: ops.max_pool2d(x, 2),
    "avg_pool2d": lambda x: ops.avg_pool2d(x, 2),
    "adaptive_avg_pool2d": lambda x: ops.adaptive_avg_pool2d(x, (2, 1)),
    "global_avg_pool2d": ops.global_avg_pool2d,
    "add": lambda x: x + x, "add a number": lambda x: x + 1, "scale": lambda x: 2 * x, "mul": lambda x: x * x, "power": lambda x: x**2,
    "dropout": lambda x: ops.dropout(x, 0.5), "index": lambda x: x[:, 1:], "concat": lambda x: ops.concat([x, x]),
    "channel_affine": lambda x: ops.channel_affine(x, tensor(4), tensor(4)),
}  # fmt: skip


@pytest.mark.parametrize("name", NOT_KEPT)
def test_a_relu_in_place_is_legal_after_an_operation_that_does_not_keep_its_output(name):
    def gradient(in_place):
        mg.manual_seed(0)
        x = tensor(1, 3, 3, 4, seed=5)
        h = NOT_KEPT[name](x)
        ops.relu(h, out=h.data if in_place else None).sum().backward()
        return x.grad

    assert np.array_equal(gradient(True), gradient(False))


def test_the_old_name_of_an_overwritten_map_is_refused():
    x = tensor(2, 3)
    h = x * 2
    y = ops.relu(h, out=h.data)
    with pytest.raises(RuntimeError, match=r"Scale: input 0 \(2, 3\), the output of Scale, has been overwritten by ReLU: use the output"):
        h * 3
    (y * 3).sum().backward()
    assert np.array_equal(x.grad, np.where(x.data > 0, 6, 0))


# ---- parameters ----


def model_and_loss():
    model = nn.Sequential(nn.Conv2d(1, 2, 3, relu=True), nn.Flatten(), nn.Linear(8, 3))
    x = tensor(2, 4, 4, 1)
    return model, mg.losses.cross_entropy(model(x), np.array([0, 2]))


def test_a_step_between_two_backward_passes_is_noticed():
    model, loss = model_and_loss()
    loss.backward(retain_graph=True)
    optim.SGD(model.parameters(), lr=0.1).step()
    with pytest.raises(RuntimeError, match=r"Conv2d needs its `w` \(3, 3, 1, 2\) as it was when it ran, but SGD.step has written"):
        loss.backward()


def test_a_step_does_not_matter_where_no_parameter_is_kept():
    w = tensor(3)
    loss = (w + w).sum()
    loss.backward(retain_graph=True)
    optim.SGD([w], lr=0.1).step()
    loss.backward()
    assert w.grad.tolist() == [4, 4, 4]


@pytest.mark.parametrize("function", [
    lambda x, w: ops.conv2d(x, w), lambda x, w: ops.sparse_conv2d(x, w.reshape(16), pattern=PATTERN),
    lambda x, w: ops.linear(ops.flatten(x), w.reshape(4, 4)), lambda x, w: x.reshape(1, 1, 1, 4) * w[:, :, :1],
    lambda x, w: ops.channel_affine(x, w[0, 0, 0], w[0, 0, 1]),
])  # fmt: skip
def test_a_step_does_not_matter_to_a_gradient_that_does_not_depend_on_the_weights(function):
    x, w = Tensor(numbers(1, (1, 1, 1, 4))), tensor(1, 1, 4, 4)
    loss = function(x, w).sum()
    loss.backward(retain_graph=True)
    once = w.grad
    optim.SGD([w], lr=0.1).step()
    loss.backward()
    assert np.array_equal(w.grad, 2 * once)


def test_loading_between_forward_and_backward_is_noticed():
    model, loss = model_and_loss()
    model.load_state_dict(copy.deepcopy(model.state_dict()))
    with pytest.raises(RuntimeError, match="needs its `w` .* but load_state_dict has written to it since"):
        loss.backward()


def clipped():
    p = tensor(3)
    p.grad = numbers(4, (3,))
    return p.grad, lambda: optim.clip_grad_norm_([p], 1e-3)


def averaged():
    average = optim.PolyakAverage({"w": numbers(4, (3,))}, 0.9)
    return average.averages["w"], average.step


def normalised():
    norm = nn.BatchNorm2d(3)
    return norm.running_mean.data, lambda: norm(tensor(1, 2, 2, 3))


def loaded():
    norm = nn.BatchNorm2d(3)
    return norm.running_var.data, lambda: norm.load_state_dict(norm.state_dict())


@pytest.mark.parametrize("make, by", [
    (clipped, "clip_grad_norm_"), (averaged, "PolyakAverage.step"), (normalised, "BatchNorm2d in training"), (loaded, "load_state_dict")])
def test_writes_to_what_is_no_parameter_are_noticed(make, by):
    """Gradients, averages and buffers that an operation has read."""
    array, write = make()
    y = tensor(3) * Tensor(array)
    write()
    with pytest.raises(RuntimeError, match=f"Multiply needs its `b` .* but {by} has written to it since"):
        y.sum().backward()


def test_a_failed_backward_changes_no_gradient():
    x = tensor(3)
    h = x * 2
    loss = (h * h).sum() + (x * 3).sum()
    ops.relu(h, out=h.data)
    with pytest.raises(RuntimeError):
        loss.backward()
    assert x.grad is None


def test_training_works_over_many_steps():
    model, _ = model_and_loss()
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    for seed in range(3):
        loss = mg.losses.cross_entropy(model(tensor(2, 4, 4, 1, seed=seed)), np.array([0, 2]))
        optimizer.zero_grad()
        loss.backward(retain_graph=True)
        loss.backward()
        optimizer.step()


# ---- no false alarms ----


@pytest.mark.parametrize("norm", [False, True])
@pytest.mark.parametrize("kind", ["Inception", "NaiveInception"])
def test_branches_that_write_into_one_map_do_not_disturb_each_other(kind, norm):
    sizes = (4, 3, 6, 2, 5, 3) if kind == "Inception" else (4, 6, 5)
    model = nn.Sequential(getattr(nn, kind)(3, *sizes, norm=norm), nn.ReLU())
    for mode in (True, False):
        model.train(mode)
        y = model(tensor(2, 5, 5, 3))
        y.sum().backward(retain_graph=True)
        for _ in y.tape().replay():
            pass
        y.sum().backward()


def test_a_replay_makes_an_overwritten_record_right_again():
    w, x = tensor(3), Tensor([1.0, 2.0, 3.0])
    y = (w * x).sum()
    y.backward(retain_graph=True)
    tape = y.tape()
    optim.SGD([x], lr=0.1)
    x.mark_written("a test")
    with pytest.raises(RuntimeError, match="a test has written"):
        y.backward(retain_graph=True)
    for _ in tape.replay():
        pass
    y.backward()
    assert w.grad.tolist() == [2, 4, 6]


def test_memory_that_is_lent_again_starts_without_a_record():
    shape = (1, 64, 64, 16)
    for seed in range(4):
        x = tensor(*shape, seed=seed)
        h = x + x
        kept = ops.relu(h, out=h.data) * 2.0
        kept = kept * kept
        del h
        gc.collect()
        kept.sum().backward()


def test_a_record_of_writes_dies_with_the_memory():
    gc.collect()
    before = len(writes._watched)
    for _ in range(10):
        h = tensor(2, 3) + tensor(2, 3)
        ops.relu(h, out=h.data)
    del h
    gc.collect()
    assert len(writes._watched) == before


def test_only_watched_memory_is_recorded_and_a_write_to_all_of_it_counts_for_every_part():
    a, start = np.zeros((4, 4), np.float32), writes.now()
    writes.note(a, "before")
    assert writes.since(a, start) is None
    writes.watch(a[1:])
    writes.note(a, "all")
    assert writes.since(a[2:, 1], start) == "all" and writes.since(np.zeros(4, np.float32), start) is None


def test_slices_of_one_array_are_distinguished():
    whole = np.zeros((2, 3, 3, 8), np.float32)
    writes.watch(whole)
    left, middle, right = np.split(whole, [2, 5], axis=-1)
    start = writes.now()
    writes.note(middle, "middle")
    assert [writes.since(a, start) for a in (left, middle, right, whole, middle[1:], middle[..., :1])] == [
        None, "middle", None, "middle", "middle", "middle"]  # fmt: skip
    assert writes.since(middle, writes.now()) is None
