"""The settings of layers: bias and its initial value, flags, sizes; and the small layers."""

from itertools import product

import numpy as np
import pytest

from minigoog import Tensor, models, nn, ops
from tests.strategies import numbers

LAYERS = {"Conv2d": lambda **settings: nn.Conv2d(3, 4, 1, **settings), "Linear": lambda **settings: nn.Linear(3, 4, **settings)}


@pytest.mark.parametrize("name", LAYERS)
def test_bias_says_whether_there_is_one_and_bias_init_its_initial_value(name):
    make = LAYERS[name]
    assert make(bias=False).bias is None and "bias=False" in repr(make(bias=False))
    for settings, value in (({}, 0), ({"bias": True}, 0), ({"bias_init": 0.25}, 0.25), ({"bias": np.True_, "bias_init": 1}, 1)):
        layer = make(**settings)
        assert layer.bias.data.tolist() == [value] * 4 and layer.bias.dtype == np.float32 and layer.bias.requires_grad
    assert [name for name, _ in make().named_parameters()] == ["weight", "bias"]


@pytest.mark.parametrize("value", [0.2, 0, 1, None, "no"])
@pytest.mark.parametrize("name", LAYERS)
def test_a_bias_that_is_not_a_bool_is_refused_with_a_hint(name, value):
    with pytest.raises(TypeError, match=f"{name}: `bias` is {value!r}, expected True or False; `bias_init` sets the initial value"):
        LAYERS[name](bias=value)
    with pytest.raises((TypeError, ValueError), match=f"{name}: `bias_init` is"):
        LAYERS[name](bias_init=float("nan"))


def test_the_third_argument_of_linear_is_the_bias_as_in_pytorch():
    assert nn.Linear(4, 3, False).bias is None and not nn.Linear(4, 3, True).relu


def test_bias_init_is_passed_on_to_every_convolution_with_relu():
    for module in (nn.Inception(2, 3, 2, 3, 2, 3, 2, bias_init=0.2), nn.NaiveInception(2, 3, 2, 3, bias_init=0.2)):
        biases = [p.data for name, p in module.named_parameters() if name.endswith("bias")]
        assert len(biases) in (6, 3) and all((b == np.float32(0.2)).all() for b in biases)
    network = models.GoogLeNet(num_classes=2, bias_init=0.2)
    biases = {name: p.data for name, p in network.named_parameters() if name.endswith("bias")}
    plain = {name for name, b in biases.items() if not b.any()}
    assert plain == {"classifier.bias", "aux_4a.classifier.bias", "aux_4d.classifier.bias"}


@pytest.mark.parametrize("make, name", [
    (lambda: nn.Conv2d(3, 4, 1, relu=1), "Conv2d: `relu`"), (lambda: nn.Linear(3, 4, relu="yes"), "Linear: `relu`"),
    (lambda: nn.MaxPool2d(3, ceil_mode=2), "MaxPool2d: `ceil_mode`"), (lambda: nn.BatchNorm2d(3, relu=0), "BatchNorm2d: `relu`"),
    (lambda: nn.SparseConv2d(np.ones((1, 1, 2, 3), np.float32), relu=1), "SparseConv2d: `relu`"),
    (lambda: models.GoogLeNet(aux_heads=3), "GoogLeNet: `aux_heads`"), (lambda: nn.ReLU().train(1), "ReLU.train: `mode`"),
    (lambda: nn.Linear(1, 1).requires_grad_(None), "Linear.requires_grad_: `requires_grad`"),
])
def test_a_flag_that_is_not_a_bool_is_refused_by_name(make, name):
    with pytest.raises(TypeError, match=f"{name} is .*, expected True or False"):
        make()


def test_adaptive_pooling_takes_a_size_or_a_square():
    x = Tensor(numbers(0, (2, 7, 9, 3)))
    y = nn.AdaptiveAvgPool2d(output_size=(2, 2))(x)
    assert y.shape == (2, 2, 2, 3) and np.array_equal(y.data, nn.AdaptiveAvgPool2d(2)(x).data)
    uneven = nn.AdaptiveAvgPool2d((2, 3))(x)
    assert uneven.shape == (2, 2, 3, 3) and str(nn.AdaptiveAvgPool2d((2, 3))) == "AdaptiveAvgPool2d(2x3)"


def test_the_loss_as_a_module_is_the_operation():
    x, labels = Tensor(numbers(0, (4, 5))), [0, 1, 2, 4]
    assert nn.CrossEntropyLoss()(x, labels).item() == ops.cross_entropy(x, labels).item()
    smooth = nn.CrossEntropyLoss(label_smoothing=0.3)
    assert smooth(x, labels).item() == ops.cross_entropy(x, labels, label_smoothing=0.3).item() != ops.cross_entropy(x, labels).item()
    assert repr(smooth) == "CrossEntropyLoss(label_smoothing=0.3)" and repr(nn.CrossEntropyLoss()) == "CrossEntropyLoss()"
    with pytest.raises(ValueError, match="CrossEntropyLoss: `label_smoothing` is 2"):
        nn.CrossEntropyLoss(label_smoothing=2)


def test_softmax_makes_probabilities_of_the_last_axis_and_no_other():
    x = numbers(0, (3, 4))
    exact = np.exp(x.astype(np.float64)) / np.exp(x.astype(np.float64)).sum(axis=1, keepdims=True)
    assert np.allclose(nn.Softmax(dim=1)(Tensor(x)).data, exact, atol=1e-6)
    with pytest.raises(ValueError, match="Softmax: `dim` is 0, expected -1 or 1"):
        nn.Softmax(0)
    x = numbers(0, (2, 3, 4))
    assert np.allclose(np.exp(nn.LogSoftmax(-1)(Tensor(x)).data).sum(axis=-1), 1)
    assert np.array_equal(nn.LogSoftmax(1)(Tensor(x[0])).data, nn.LogSoftmax()(Tensor(x[0])).data)
    for other in (x, x[0, 0]):  # in PyTorch another axis, or none
        with pytest.raises(ValueError, match=r"LogSoftmax: `dim` is 1 and `x` has \d axes .*, expected 2, or `dim` -1"):
            nn.LogSoftmax(dim=1)(Tensor(other))


def test_identity_returns_its_input():
    x = Tensor(numbers(0, (2, 3)))
    assert nn.Identity()(x) is x


def enlarged(n, out):
    """A row 0, 1, ..., n - 1 at another width, by the layer."""
    return nn.Upsample(size=(1, out))(Tensor(np.arange(n, dtype=np.float32).reshape(1, 1, n, 1))).data.ravel()


def test_upsample_picks_pytorchs_pixels_by_hand():
    assert enlarged(14, 2).tolist() == [0, 7]  # 2 / 14 in float32 is more than 1 / 7, so that 1 / (2 / 14) is below 7
    assert enlarged(2, 82)[41] == 0  # 2 / 82 in float32 is less than 1 / 41
    x = Tensor(numbers(0, (2, 14, 3, 2)), requires_grad=True)
    y = nn.Upsample(size=(2, 6))(x)
    y.sum().backward()
    assert np.array_equal(y.data, x.data[:, [0, 7]].repeat(2, axis=2))
    assert np.array_equal(x.grad[:, [0, 7]], np.full((2, 2, 3, 2), 2)) and x.grad.sum() == 48
    with pytest.raises(ValueError, match=r"Upsample: `x` has 3 axes \(2, 14, 3\), expected 4"):
        nn.Upsample(size=2)(Tensor(numbers(0, (2, 14, 3))))


def test_upsample_picks_pytorchs_pixels_for_all_small_sizes():
    interpolate = pytest.importorskip("torch", reason="PyTorch is not installed: its pixels were not asked").nn.functional.interpolate
    from torch import arange

    for n, out in product(range(1, 40), range(1, 60)):
        theirs = interpolate(arange(n).float().reshape(1, 1, n), size=out)  # mode "nearest"
        assert enlarged(n, out).tolist() == theirs.ravel().tolist(), (n, out)
