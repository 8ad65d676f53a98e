"""Arrays that are not dense, or not aligned: computed as if they were, or refused by an error that names the argument."""

import numpy as np
import pytest

from minigoog.kernels import native as C


def ones(*shape):
    return np.ones(shape, np.float32)


def strided(a, how):
    """`a` with strides that no kernel takes."""
    return {
        "transposed": lambda: np.swapaxes(np.repeat(np.repeat(a, 2, -1), 2, -2), -1, -2)[..., : a.shape[-2], : a.shape[-1]],
        "reversed": lambda: np.repeat(a, 2, -1)[..., ::-2],
        "every second channel": lambda: np.repeat(a, 2, -1)[..., ::2],
        "broadcast": lambda: np.broadcast_to(a.reshape(-1)[: a.shape[-1]], a.shape),
        "overlapping": lambda: np.lib.stride_tricks.as_strided(a, a.shape, (4,) * a.ndim),
        "cropped": lambda: np.repeat(np.repeat(a, 2, 1), 2, 2)[:, : a.shape[1], : a.shape[2]],
        "every second row": lambda: np.repeat(a, 2, 1)[:, ::2],
    }[how]()


HOWS = ["transposed", "reversed", "every second channel", "broadcast", "overlapping", "cropped", "every second row"]
USES = {
    "relu": ("x", lambda a: C.relu(a)), "add b": ("b", lambda a: C.add(ones(*a.shape), a)),
    "add out": ("out", lambda a: C.add(ones(*a.shape), ones(*a.shape), out=a)),
    "relu_backward": ("dy", lambda a: C.relu_backward(ones(*a.shape), a)),
    "leaky_relu": ("x", lambda a: C.leaky_relu(a, 0.1)),
    "leaky_relu_backward": ("x", lambda a: C.leaky_relu_backward(a, ones(*a.shape), 0.1)),
    "tanh": ("x", lambda a: C.tanh(a, 1.0, 1.0)), "tanh_backward": ("y", lambda a: C.tanh_backward(a, ones(*a.shape), 1.0, 1.0)),
    "conv2d x": ("x", lambda a: C.conv2d(a, ones(1, 1, a.shape[3], 2))),
    "conv2d 3x3 x": ("x", lambda a: C.conv2d(a, ones(3, 3, a.shape[3], 2), padding=1, algorithm="direct")),
    "conv2d winograd x": ("x", lambda a: C.conv2d(a, ones(3, 3, a.shape[3], 2), algorithm="winograd")),
    "conv2d im2col x": ("x", lambda a: C.conv2d(a, ones(1, 1, a.shape[3], 2), algorithm="im2col")),
    "conv2d out": ("out", lambda a: C.conv2d(ones(*a.shape[:3], 2), ones(1, 1, 2, a.shape[3]), out=a)),
    "conv2d im2col out": ("out", lambda a: C.conv2d(ones(*a.shape[:3], 2), ones(1, 1, 2, a.shape[3]), out=a, algorithm="im2col")),
    "conv2d winograd out": ("out",
                            lambda a: C.conv2d(ones(*a.shape[:3], 2), ones(3, 3, 2, a.shape[3]), padding=1, out=a, algorithm="winograd")),
    "conv2d_input dy": ("dy", lambda a: C.conv2d_input((*a.shape[:3], 2), ones(3, 3, 2, a.shape[3]), a, padding=1)),
    "conv2d_weight dy": ("dy", lambda a: C.conv2d_weight(ones(*a.shape[:3], 2), (1, 1, 2, a.shape[3]), a)),
    "conv2d_weight x": ("x", lambda a: C.conv2d_weight(a, (1, 1, a.shape[3], 2), ones(*a.shape[:3], 2))),
    "conv2d_bias": ("dy", lambda a: C.conv2d_bias(a)),
    "max_pool2d x": ("x", lambda a: C.max_pool2d(a, 1)), "avg_pool2d x": ("x", lambda a: C.avg_pool2d(a, 1)),
    "max_pool2d out": ("out", lambda a: C.max_pool2d(ones(*a.shape), 1, out=a)),
    "avg_pool2d_backward": ("dy", lambda a: C.avg_pool2d_backward(a.shape, a, 1)),
}


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("use", USES)
def test_maps_with_odd_strides_are_refused_by_name(native, use, how):
    name, call = USES[use]
    a = strided(ones(2, 4, 4, 3), how)
    assert a.shape == (2, 4, 4, 3)
    refused = "`out` is read-only" if name == "out" and not a.flags.writeable else rf"`{name}` has strides .* expected"
    with pytest.raises(ValueError, match=refused):
        call(a)


@pytest.mark.parametrize("how", ["transposed", "reversed", "every second channel", "broadcast"])
@pytest.mark.parametrize("name, call", [
    ("w", lambda a: C.conv2d(ones(2, 5, 6, 3), np.broadcast_to(a, (1, 1, 3, 3)), algorithm="direct")),
    ("w", lambda a: C.conv2d_input((1, 2, 2, 3), np.broadcast_to(a, (1, 1, 3, 3)), ones(1, 2, 2, 3), algorithm="direct")),
    ("w", lambda a: C.linear(ones(2, 3), a)), ("x", lambda a: C.softmax(a)), ("dy", lambda a: C.softmax_backward(ones(3, 3), a)),
    ("logits", lambda a: C.cross_entropy(a, [0, 1, 2])), ("probabilities", lambda a: C.cross_entropy_backward(a, [0, 1, 2], 1.0)),
    ("x", lambda a: C.dropout(a, 0.5, seed=0, offset=0)),
    ("dw", lambda a: C.sgd_step(ones(3, 3), a, ones(3, 3), lr=0.1, momentum=0, weight_decay=0)),
], ids=["conv2d", "conv2d_input", "linear", "softmax", "softmax_backward", "cross_entropy", "cross_entropy_backward",
        "dropout", "sgd_step"])
def test_arrays_that_must_be_dense_are_refused_by_name(native, name, call, how):
    with pytest.raises(ValueError, match=rf"`{name}` has strides .*expected a dense array: np.ascontiguousarray\({name}\)"):
        call(strided(ones(3, 3), how))


def test_unaligned_arrays_are_computed_or_refused_but_never_crash(native):
    for offset in (1, 2, 3):
        memory = np.zeros(4 * 3000 + 4, np.uint8)
        a = memory[offset : offset + 12_000].view(np.float32)
        a[:] = np.linspace(-1, 1, 3000)
        for call in (C.relu, lambda a: C.softmax(a.reshape(30, 100)), lambda a: C.conv2d(a.reshape(1, 10, 10, 30), ones(3, 3, 30, 40)),
                     lambda a: C.softmax_backward(a.reshape(30, 100), a.reshape(30, 100)),
                     lambda a: C.max_pool2d(a.reshape(1, 10, 10, 30), 3)[0]):
            try:
                y = call(a)
            except ValueError as error:
                assert "aligned" in str(error)
            else:
                assert np.array_equal(y, call(a.copy()))
