"""The weights of Caffe's GoogLeNet, by their names there."""

import os
from pathlib import Path

import numpy as np
import pytest

import minigoog as mg
from minigoog.formats import googlenet_from_caffe
from minigoog.formats.caffe import BRANCHES, LAYERS, MODULES

REAL = Path(os.environ.get("MINIGOOG_DATA", Path(__file__).resolve().parents[3] / "shared" / "data")) / "googlenet-caffe"


@pytest.fixture(scope="module")
def model():
    return mg.models.GoogLeNet(aux_heads=False)


def as_caffe(state):
    """A state dict under Caffe's names, blue first."""
    names = LAYERS | {f"inception{m}.{ours}": f"inception_{m}/{theirs}" for m in MODULES for ours, theirs in BRANCHES.items()}
    arrays = {f"{theirs}.{part}": state[f"{ours}.{part}"] for ours, theirs in names.items() for part in ("weight", "bias")}
    return arrays | {"conv1/7x7_s2.weight": arrays["conv1/7x7_s2.weight"][:, :, ::-1]}


def test_every_array_finds_its_place_and_colours_are_reordered(model):
    state = model.state_dict()
    ours = googlenet_from_caffe(as_caffe(state))
    assert ours.keys() == state.keys() and all(np.array_equal(ours[name], state[name]) for name in state)


def test_missing_and_unknown_layers_are_named(model):
    arrays = as_caffe(model.state_dict())
    arrays["fc6.weight"] = arrays.pop("conv2/3x3.bias")
    with pytest.raises(ValueError, match=r"missing `conv2/3x3\.bias`, unknown `fc6\.weight`"):
        googlenet_from_caffe(arrays)


def test_the_real_weights_fit(model):
    path = REAL / "bvlc_googlenet_hwio_f32.npz"
    if not path.exists():
        pytest.skip(f"{path.name} is not in {REAL}: set MINIGOOG_DATA")
    model.load_state_dict(googlenet_from_caffe(np.load(path)))
    assert sum(parameter.size for parameter in model.parameters()) == 6_998_552
