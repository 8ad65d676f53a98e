"""Parameters, multiply-adds and shapes of all models against published numbers."""

import numpy as np
import pytest

import minigoog as mg
from minigoog.models import AlexNet, GoogLeNet, LeNet5, NetworkInNetwork, TinyInception

# Table 1 of arXiv 1409.4842: the output column, and multiply-adds and weights that its other columns give.
TABLE_1 = {
    "conv1": ((112, 112, 64), 9_408, 118_013_952),
    "pool1": ((56, 56, 64), 0, 0),
    "conv2": ((56, 56, 192), 114_688, 359_661_568),
    "pool2": ((28, 28, 192), 0, 0),
    "inception3a": ((28, 28, 256), 163_328, 128_049_152),
    "inception3b": ((28, 28, 480), 388_096, 304_267_264),
    "pool3": ((14, 14, 480), 0, 0),
    "inception4a": ((14, 14, 512), 375_552, 73_608_192),
    "inception4b": ((14, 14, 512), 448_512, 87_908_352),
    "inception4c": ((14, 14, 512), 509_440, 99_850_240),
    "inception4d": ((14, 14, 528), 604_672, 118_515_712),
    "inception4e": ((14, 14, 832), 867_328, 169_996_288),
    "pool4": ((7, 7, 832), 0, 0),
    "inception5a": ((7, 7, 832), 1_042_432, 51_079_168),
    "inception5b": ((7, 7, 1024), 1_442_816, 70_697_984),
    "pool5": ((1024,), 0, 0),
    "dropout": ((1024,), 0, 0),
    "classifier": ((1000,), 1_024_000, 1_024_000),
}


def count(model):
    return sum(p.size for p in model.parameters())


def test_googlenet_has_the_parameters_of_its_table():
    assert count(GoogLeNet(aux_heads=False)) == 6_998_552
    assert count(GoogLeNet()) == 13_378_280


def test_googlenet_has_the_multiply_adds_of_its_table():
    model = GoogLeNet()
    assert mg.summary(model.eval(), (224, 224, 3)).multiply_adds == 1_582_671_872
    with_heads = mg.summary(model.train(), (224, 224, 3))
    assert with_heads.multiply_adds == 1_591_044_096
    heads = {name: [row for row in with_heads.rows if row.name.startswith(name)] for name in ("aux_4a", "aux_4d")}
    assert [sum(row.multiply_adds for row in rows) for rows in heads.values()] == [4_169_728, 4_202_496]
    assert [sum(row.parameters for row in rows) for rows in heads.values()] == [3_188_840, 3_190_888]


def test_each_row_of_table_1_has_its_shape_weights_and_multiply_adds():
    model = GoogLeNet(aux_heads=False).eval()
    rows = mg.summary(model, (224, 224, 3)).rows
    parameters = dict(model.named_parameters())
    outputs = {}
    for name, module in model.named_children():
        module.forward = lambda x, name=name, forward=module.forward: outputs.setdefault(name, forward(x))
    with mg.no_grad():
        model(mg.Tensor(np.zeros((1, 224, 224, 3), np.float32)))
    assert list(outputs) == list(TABLE_1)
    for name, (shape, weights, multiply_adds) in TABLE_1.items():
        assert outputs[name].shape[1:] == shape, name
        assert sum(p.size for n, p in parameters.items() if n.startswith(f"{name}.") and n.endswith("weight")) == weights, name
        assert sum(row.multiply_adds for row in rows if row.name.split(".")[0] == name) == multiply_adds, name


def test_googlenet_has_22_layers_with_parameters_on_its_longest_path():
    # Section 5: "22 layers deep when counting only layers with parameters": stem 3, two in each of nine modules, the classifier
    names = [row.name for row in mg.summary(GoogLeNet(aux_heads=False).eval(), (224, 224, 3)).rows if row.parameters]
    assert len([n for n in names if not n.startswith("inception") or "branch3x3" in n]) == 22
    assert len(names) == 58  # 57 convolutions and one linear layer


def test_torchvisions_variant_has_its_multiply_adds():
    model = GoogLeNet(variant="torchvision")  # counted by fvcore and ptflops on torchvision.models.googlenet: 1.498 G
    assert mg.summary(model.eval(), (224, 224, 3)).multiply_adds == 1_498_376_192
    assert mg.summary(model.train(), (224, 224, 3)).multiply_adds == 1_506_748_416


def test_lenet5_has_the_parameters_and_connections_of_its_paper():
    # LeCun et al. 1998, section II.B: parameters 156, 12, 1,516, 32, 48,120, 10,164; connections 122,304, 5,880, 151,600, 2,000, 48,120
    model = LeNet5()
    assert count(model) == 60_000
    rows = {row.name: row for row in mg.summary(model, (32, 32, 1)).rows}
    assert {n: r.parameters for n, r in rows.items() if r.parameters} == {
        "c1": 156, "s2": 12, "c3": 1_516, "s4": 32, "c5": 48_120, "f6": 10_164,
    }  # fmt: skip
    with_bias = {n: rows[n].multiply_adds + np.prod(rows[n].out_shape) for n in ("c1", "c3", "c5", "f6")}
    subsampling = {n: 5 * np.prod(rows[n].out_shape) for n in ("s2", "s4")}  # four pixels and a bias
    assert with_bias == {"c1": 122_304, "c3": 151_600, "c5": 48_120, "f6": 10_164}
    assert subsampling == {"s2": 5_880, "s4": 2_000}
    assert sum(with_bias.values()) + sum(subsampling.values()) + model.codes.size == 340_908


def test_the_connection_table_of_c3_has_60_pairs():
    assert len(LeNet5().c3.inputs) == 60
    assert np.bincount(LeNet5().c3.outputs).tolist() == [3] * 6 + [4] * 9 + [6]


def test_lenet5s_digit_codes_differ():
    codes = LeNet5().codes
    assert codes.shape == (10, 84) and set(np.unique(codes)) == {-1, 1}
    assert len({code.tobytes() for code in codes}) == 10


def test_network_in_network_has_the_parameters_of_its_released_model():
    model = NetworkInNetwork()  # the authors' CIFAR-10 solver and network definition: 966,986
    assert count(model) == 966_986
    assert mg.summary(model, (32, 32, 3)).multiply_adds == 222_486_528


@pytest.mark.parametrize("groups, parameters, multiply_adds", [(2, 60_965_224, 724_406_816), (1, 62_378_344, 1_135_256_096)])
def test_alexnet_has_the_parameters_of_its_paper(groups, parameters, multiply_adds):
    model = AlexNet(groups=groups, init=lambda shape: np.zeros(shape, np.float32))  # "60 million parameters" (abstract)
    assert count(model) == parameters
    assert mg.summary(model.eval(), (227, 227, 3)).multiply_adds == multiply_adds


@pytest.mark.parametrize("name", ["tiny", "lenet5", "nin"])
def test_each_small_model_runs_forward_and_backward_on_any_batch(name):
    model, shape = mg.models.build(name), {"tiny": (8, 8, 1), "lenet5": (32, 32, 1), "nin": (32, 32, 3)}[name]
    for n in (0, 1, 3):
        logits = model(mg.Tensor(np.random.default_rng(n).standard_normal((n, *shape)).astype(np.float32)))
        assert logits.shape == (n, 10)
        mg.losses.cross_entropy(logits, np.arange(n)).backward()
    assert all(np.isfinite(p.grad).all() for p in model.parameters())


@pytest.mark.parametrize("model, shape", [(TinyInception, (1, 4, 4, 1)), (LeNet5, (1, 32, 32, 1))])
def test_gradients_of_a_whole_model_agree_with_central_differences(model, shape):
    mg.manual_seed(3)
    network = model().eval()
    x = np.random.default_rng(4).standard_normal(shape)
    assert mg.gradcheck(network, (x,), network.parameters(), samples=1)


def test_googlenet_works_at_other_sizes_without_heads():
    model = GoogLeNet(num_classes=7, aux_heads=False).eval()
    with mg.no_grad():
        assert model(mg.Tensor(np.zeros((1, 97, 65, 3), np.float32))).shape == (1, 7)


@pytest.mark.parametrize("variant, smallest", [("paper", 31), ("torchvision", 15)])
def test_googlenet_works_from_a_smallest_size_on(variant, smallest):
    """The last pools round up: a 3x3 window on 2x2 pixels gives one pixel. torchvision's network takes 15 pixels too."""
    model = GoogLeNet(num_classes=7, variant=variant, aux_heads=False).eval()
    x = np.random.default_rng(0).standard_normal((1, smallest, smallest, 3)).astype(np.float32)
    with mg.no_grad():
        assert model(mg.Tensor(x)).shape == (1, 7)
        with pytest.raises(ValueError, match="in ceil mode by the stride 2 or more"):
            model(mg.Tensor(np.ascontiguousarray(x[:, 1:, 1:])))


def test_bad_settings_and_inputs_are_named():
    with pytest.raises(ValueError, match=r"`variant` is 'caffe', expected one of paper, torchvision"):
        GoogLeNet(variant="caffe")
    with pytest.raises(ValueError, match=r"an auxiliary head needs 4x4 pixels after its pool but has 1x1"):
        GoogLeNet()(mg.Tensor(np.zeros((1, 97, 97, 3), np.float32)))
    with pytest.raises(ValueError, match=r"`w` takes 3 channels but `x` has 4"):
        GoogLeNet()(mg.Tensor(np.zeros((1, 224, 224, 4), np.float32)))
    with pytest.raises(ValueError, match=r"`name` is 'vgg', expected one of googlenet, small, tiny"):
        mg.models.build("vgg")
