"""What a position means: the same as in PyTorch, or nothing, for every constructor of nn, optim and models that PyTorch has too."""

import inspect

import numpy as np
import pytest

from minigoog import Tensor, models, nn, ops, optim
from tests.answers import asked

TORCH = {  # the parameters that PyTorch 2.9 takes by position, in order; https://docs.pytorch.org/docs/stable/
    nn.AdaptiveAvgPool2d: "output_size",
    nn.AvgPool2d: "kernel_size stride padding ceil_mode count_include_pad divisor_override",
    nn.BatchNorm2d: "num_features eps momentum affine track_running_stats device dtype",
    nn.Buffer: "data",
    nn.ChannelShuffle: "groups",
    nn.Conv2d: "in_channels out_channels kernel_size stride padding dilation groups bias padding_mode device dtype",
    nn.ConvTranspose2d: "in_channels out_channels kernel_size stride padding output_padding groups bias dilation padding_mode device dtype",
    nn.CrossEntropyLoss: "weight size_average ignore_index reduce reduction label_smoothing",
    nn.Dropout: "p inplace",
    nn.ELU: "alpha inplace",
    nn.Flatten: "start_dim end_dim",
    nn.GELU: "approximate",
    nn.Hardsigmoid: "inplace",
    nn.Hardswish: "inplace",
    nn.Hardtanh: "min_val max_val inplace min_value max_value",
    nn.Identity: "",
    nn.LeakyReLU: "negative_slope inplace",
    nn.Linear: "in_features out_features bias device dtype",
    nn.LogSoftmax: "dim",
    nn.MaxPool2d: "kernel_size stride padding dilation return_indices ceil_mode",
    nn.Module: "",
    nn.ModuleList: "modules",
    nn.Parameter: "data requires_grad",
    nn.PReLU: "num_parameters init device dtype",
    nn.ReLU: "inplace",
    nn.ReLU6: "inplace",
    nn.Sequential: "*modules",
    nn.Sigmoid: "",
    nn.SiLU: "inplace",
    nn.Softmax: "dim",
    nn.Tanh: "",
    nn.Upsample: "size scale_factor mode align_corners recompute_scale_factor",
    optim.Adagrad: "params lr lr_decay weight_decay initial_accumulator_value eps",
    optim.Adam: "params lr betas eps weight_decay amsgrad",
    optim.AdamW: "params lr betas eps weight_decay amsgrad",
    optim.Optimizer: "params defaults",
    optim.SGD: "params lr momentum dampening weight_decay nesterov",
    # torchvision 0.24
    models.AlexNet: "num_classes dropout",
    models.GoogLeNet: "num_classes aux_logits transform_input init_weights blocks dropout dropout_aux",
    nn.Inception: "in_channels ch1x1 ch3x3red ch3x3 ch5x5red ch5x5 pool_proj conv_block",
}
OWN = {  # what PyTorch does not have, and what may stand by position
    nn.Branches: "*modules",
    nn.ConvBNReLU: "in_channels out_channels kernel_size stride padding",
    nn.GaborBank: "sizes orientations", nn.GaborPool: "bank first step",
    nn.GlobalAvgPool2d: "",
    nn.NaiveInception: "in_channels ch1x1 ch3x3 ch5x5",
    nn.SparseConv2d: "weight bias",
    optim.PolyakAverage: "arrays decay",
    models.LeNet5: "", models.NetworkInNetwork: "num_classes", models.SmallInception: "num_classes", models.TinyInception: "num_classes",
    models.QuickInception: "num_classes",
}


UNREADABLE = (nn.Inception, nn.Parameter, nn.Buffer, nn.Identity, nn.Module, nn.Sequential)  # torchvision's, or *args in the signature


def positional(kind):
    """The names that a constructor takes by position."""
    if kind.__init__ is object.__init__:
        return []
    signature = list(inspect.signature(kind.__init__).parameters.values())[1:]
    names = [p.name for p in signature if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return names + [f"*{p.name}" for p in signature if p.kind == p.VAR_POSITIONAL]


def constructors():
    public = [getattr(nn, name) for name in nn.__all__] + list(vars(optim).values()) + list(models.MODELS.values())
    rooms = ("minigoog.nn", "minigoog.optim", "minigoog.models")
    return {kind for kind in public if inspect.isclass(kind) and kind.__module__.startswith(rooms)}


def test_every_constructor_is_in_one_of_the_tables():
    assert constructors() == TORCH.keys() | OWN.keys() and not TORCH.keys() & OWN.keys()


@pytest.mark.parametrize("kind", TORCH, ids=lambda kind: kind.__name__)
def test_a_position_means_what_it_means_in_pytorch(kind):
    ours, theirs = positional(kind), TORCH[kind].split()
    assert ours == theirs[: len(ours)]


@pytest.mark.parametrize("kind", OWN, ids=lambda kind: kind.__name__)
def test_what_pytorch_does_not_have_takes_its_settings_by_name(kind):
    assert positional(kind) == OWN[kind].split()


@asked("torch")
def pytorchs_order():
    import torch

    readable = [kind for kind in TORCH if not kind.__module__.startswith("minigoog.models") and kind not in UNREADABLE]
    rooms = {kind: torch.optim if kind.__module__ == "minigoog.optim" else torch.nn for kind in readable}
    return {kind.__name__: positional(getattr(room, kind.__name__)) for kind, room in rooms.items()}


def test_the_stored_order_is_that_of_pytorch():
    theirs = pytorchs_order()
    assert len(theirs) > 10
    for kind, names in TORCH.items():
        if kind.__name__ in theirs:
            assert theirs[kind.__name__].tolist()[: len(names.split())] == names.split(), kind.__name__


MAP, FILTER = Tensor(np.ones((1, 4, 4, 4), np.float32)), Tensor(np.ones((2, 2, 4, 4), np.float32))
WRONG_POSITIONS = {  # what a user of PyTorch may write, and what it must not silently do here
    "dilation": lambda: nn.Conv2d(3, 4, 3, 1, 0, 2), "dilation of a pool": lambda: nn.MaxPool2d(3, 2, 0, 1),
    "affine": lambda: nn.BatchNorm2d(4, 1e-5, 0.1, False), "dampening": lambda: optim.SGD(nn.Linear(1, 1).parameters(), 0.1, 0.9, 0.5),
    "class weights": lambda: nn.CrossEntropyLoss([1.0, 2.0]), "inplace": lambda: nn.ReLU(True),
    "aux_logits": lambda: models.GoogLeNet(10, False),
    "dilation of a function": lambda: ops.conv2d(MAP, FILTER, None, 1, 0, 2),
    "dilation of max_pool2d": lambda: ops.max_pool2d(MAP, 2, 1, 0, 1), "ceil_mode": lambda: ops.avg_pool2d(MAP, 2, 1, 0, True),
    "class weights of a function": lambda: ops.cross_entropy(MAP[0, 0], [0, 1, 2, 3], 1.0), "out": lambda: ops.tanh(MAP, 2.0),
    "running statistics": lambda: ops.batch_norm(MAP, MAP[0, 0, 0], MAP[0, 0, 1]), "dim": lambda: ops.softmax(MAP[0, 0], 1),
    "inplace of a function": lambda: ops.relu(MAP, True), "end_dim": lambda: ops.flatten(MAP, 1, 2),
}


@pytest.mark.parametrize("make", WRONG_POSITIONS.values(), ids=WRONG_POSITIONS)
def test_a_position_that_means_something_else_in_pytorch_is_an_error(make):
    with pytest.raises(TypeError, match="positional argument|takes no arguments"):
        make()
