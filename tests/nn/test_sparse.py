"""SparseConv2d and pruning: what is kept, that it runs and trains like a Conv2d, and the conversion back."""

import os
from pathlib import Path

import numpy as np
import pytest

import minigoog as mg
from minigoog import Tensor, nn
from minigoog.nn.pruning import largest
from minigoog.nn.sparse import ungrouped
from tests.strategies import numbers

DATA = Path(os.environ.get("MINIGOOG_DATA", Path(__file__).resolve().parents[2].parent / "shared" / "data"))


def tiny():
    mg.manual_seed(0)
    stem, module = nn.Conv2d(2, 24, 3, padding=1, relu=True), nn.Inception(24, 8, 4, 8, 4, 8, 8)
    return nn.Sequential(stem, module, nn.GlobalAvgPool2d(), nn.Linear(32, 3))


def test_a_layer_computes_what_its_dense_weights_compute():
    w = numbers(0, (3, 3, 4, 20)) * (numbers(1, (3, 3, 4, 20)) > 1)
    b, x = numbers(2, (20,)), Tensor(numbers(3, (2, 7, 6, 4)))
    for block in (1, 16):
        layer = nn.SparseConv2d(w, b, stride=2, padding=(1, 0), relu=True, block=block)
        assert np.array_equal(layer.dense_weight(), w)
        dense = mg.ops.conv2d(x, Tensor(w), Tensor(b), stride=2, padding=(1, 0), relu=True)
        assert np.allclose(layer(x).data, dense.data, atol=1e-5)


def test_the_largest_weights_are_kept_and_only_they_learn():
    conv = nn.Conv2d(3, 10, 3)
    layer = nn.SparseConv2d.from_conv(conv, 0.2)
    kept = np.abs(layer.values.data)
    assert kept.shape == (round(0.2 * 270),) and kept.min() >= np.sort(np.abs(conv.weight.data), axis=None)[-54]
    assert layer.pattern.n_weights == 54 and layer.multiply_adds((1, 9, 9, 3), (1, 7, 7, 10)) == 49 * 54
    layer(Tensor(numbers(0, (1, 9, 9, 3)))).sum().backward()
    assert layer.values.grad.shape == (54,) and layer.bias.grad.shape == (10,)


def test_of_blocks_those_of_largest_norm_are_kept():
    w = np.zeros((1, 1, 2, 32), np.float32)
    w[0, 0, 0, 3] = 3  # norm 3 in block 0, channel 0
    w[0, 0, 1, 16:] = 1  # norm 4 in block 1, channel 1
    w[0, 0, 0, 20] = 2
    keep = largest(w, 0.5, 16)
    assert keep[0, 0, 0, :16].all() and keep[0, 0, 1, 16:].all() and keep.sum() == 32


@pytest.mark.parametrize("density, kept", [(0, 0), (1, 60), (0.25, 15)])
def test_exactly_the_given_share_of_weights_is_kept(density, kept):
    assert largest(numbers(0, (1, 2, 3, 10)), density).sum() == kept


@pytest.mark.parametrize("density", [-0.1, 1.5, np.nan])
def test_a_density_outside_0_to_1_is_refused(density):
    with pytest.raises(ValueError, match="`density` is .* expected a finite number from 0 to 1"):
        nn.SparseConv2d.from_conv(nn.Conv2d(3, 4, 1), density)


def test_groups_become_zeros():
    conv = nn.Conv2d(6, 8, 3, groups=2, padding=1)
    x = Tensor(numbers(0, (2, 5, 5, 6)))
    assert ungrouped(conv.weight.data, 2).shape == (3, 3, 6, 8)
    layer = nn.SparseConv2d.from_conv(conv)
    assert layer.pattern.n_weights == conv.weight.data.size and np.allclose(layer(x).data, conv(x).data, atol=1e-5)


def replaced(module, kind, make):
    """`module` with each module of this kind in it replaced, in place, by what `make` makes of it."""
    if isinstance(module, kind):
        return make(module)
    for name, child in list(module.named_children()):
        setattr(module, name, replaced(child, kind, make))
    return module


def sparse_network(block):
    return replaced(tiny(), nn.Conv2d, lambda conv: nn.SparseConv2d.from_conv(conv, 0.3, block))


@pytest.mark.parametrize("block", [1, 16])
def test_a_sparse_network_has_the_outputs_and_gradients_of_the_dense_one_with_the_same_zeros(block):
    sparse, dense = sparse_network(block), replaced(sparse_network(block), nn.SparseConv2d, nn.SparseConv2d.to_conv)
    x = numbers(0, (4, 8, 8, 2))
    for model in (sparse, dense):
        mg.ops.cross_entropy(model(Tensor(x)), [0, 1, 2, 1]).backward()
    pairs = [(s, d) for (_, s), (_, d) in zip(sparse.named_modules(), dense.named_modules(), strict=True) if isinstance(s, nn.SparseConv2d)]
    assert len(pairs) == 7
    for ours, theirs in pairs:
        assert np.allclose(ours.values.grad, ours.pattern.gather(theirs.weight.grad), atol=1e-5)
        assert np.allclose(ours.bias.grad, theirs.bias.grad, atol=1e-5)
    y = sparse.eval()(Tensor(x)).data
    assert np.allclose(y, dense.eval()(Tensor(x)).data, atol=1e-5)
    if mg.kernels.native:
        assert np.array_equal(mg.compile(sparse, x.shape)(x), y)


def test_a_layer_prints_its_pattern():
    layer = nn.SparseConv2d(np.ones((3, 3, 2, 8), np.float32), padding=1, relu=True)
    assert repr(layer) == "SparseConv2d(SparsePattern(3x3x2x8, CSR, 144 weights, density 1), padding=1x1, bias=False, relu)"


@pytest.mark.parametrize("weight, bias, error, message", [
    (np.ones((3, 3, 2)), None, ValueError, r"SparseConv2d: `weight` has 3 axes \(3, 3, 2\), expected 4"),
    ([[1.0]], None, TypeError, r"SparseConv2d: `weight` is list, expected a NumPy array"),
    (np.ones((1, 1, 2, 3)), np.ones(2), ValueError, r"SparseConv2d: `bias` has shape \(2,\), expected \(3,\)"),
])
def test_bad_weights_are_refused_by_name(weight, bias, error, message):
    with pytest.raises(error, match=message):
        nn.SparseConv2d(weight, bias)


def test_weights_that_training_has_pruned_run():
    """AlexNet's third convolution, pruned to 6% by SkimCaffe, computes what its dense weights compute."""
    path = DATA / "pruned" / "skimcaffe_pruned_hwio_f32.npz"
    if not path.exists():
        pytest.skip(f"{path.name} is not in {DATA}: set MINIGOOG_DATA")
    with np.load(path) as weights:
        w = weights["alexnet_a/conv3"]
    layer, x = nn.SparseConv2d(w, padding=1), numbers(0, (1, 13, 13, 256))
    assert 0.05 < layer.pattern.density < 0.07
    dense = mg.kernels.conv2d(x, w, padding=1)
    assert np.abs(layer(Tensor(x)).data - dense).max() < 1e-5 * np.abs(dense).max()


@pytest.mark.parametrize("conv", [nn.Conv2d(3, 4, 3, padding=(0, 0, 1, 1)), nn.Conv2d(4, 4, 3, dilation=2)])
def test_a_convolution_that_cannot_be_sparse_is_refused(conv):
    with pytest.raises(ValueError, match="`conv` is Conv2d.*expected the same padding on opposite sides and no dilation"):
        nn.SparseConv2d.from_conv(conv, 0.5)


def test_the_dense_form_of_a_sparse_layer_knows_its_mask():
    """A kept weight that happens to be 0 stays a weight that may be trained."""
    layer = nn.SparseConv2d.from_conv(nn.Conv2d(3, 4, 3), 0.25)
    layer.values.data[0] = 0
    mask = layer.to_conv().weight.mask
    assert mask.sum() == 27 and np.count_nonzero(layer.to_conv().weight.data) == 26
    assert nn.SparseConv2d.from_conv(layer.to_conv()).pattern.n_weights == 26
