"""nn.prune: which weights stay, and that the others stay 0."""

import copy

import numpy as np
import pytest

import minigoog as mg
from minigoog import Tensor, nn, optim
from minigoog.nn.pruning import density_of, lamp, largest_of_all, n_of_m
from tests.strategies import numbers


def network():
    mg.manual_seed(0)
    conv, block = nn.Conv2d(3, 16, 3, padding=1, relu=True), nn.Inception(16, 8, 4, 8, 4, 8, 8)
    return nn.Sequential(stem=conv, block=block, pool=nn.GlobalAvgPool2d(), classifier=nn.Linear(32, 5))


def weights_of(model):
    return {name: p.data for name, p in model.named_parameters() if p.ndim > 1}


def test_of_each_layer_the_largest_weights_stay():
    model, dense = nn.prune(network(), 0.25), weights_of(network())
    for name, w in weights_of(model).items():
        kept = w != 0
        assert kept.sum() == round(0.25 * w.size) and np.array_equal(w[kept], dense[name][kept])
        assert np.abs(dense[name][kept]).min() >= np.abs(dense[name][~kept]).max()
        assert np.array_equal(nn.masks(model)[name], kept)


def test_a_pruned_network_is_the_same_network_in_every_other_respect():
    model, x = nn.prune(network(), 0.25), Tensor(numbers(0, (2, 8, 8, 3)))
    assert model.state_dict().keys() == network().state_dict().keys()
    twin = network()
    twin.load_state_dict(model.state_dict())
    assert np.array_equal(model(x).data, twin(x).data)
    assert repr(model.stem) == "Conv2d(3, 16, kernel_size=3x3, padding=1x1, relu, density=0.25)"
    assert "density=0.25" in repr(model.classifier)
    assert [step.name for step in mg.trace(model, x.data[:1])] == [step.name for step in mg.trace(twin, x.data[:1])]
    if mg.kernels.native:
        assert np.allclose(mg.compile(model, x.shape)(x.data), model(x).data, atol=1e-5)


def test_a_pruned_network_with_normalisation_runs_on_sparse_kernels(native):
    mg.manual_seed(0)
    model, x = nn.prune(mg.models.SmallInception(norm=True).eval(), 0.05), numbers(0, (2, 28, 28, 3))
    plan = mg.compile(model, x.shape)
    assert "CSR" in repr(plan) and np.allclose(plan(x), model(Tensor(x)).data, atol=1e-4)


@pytest.mark.parametrize("make", [
    lambda p: optim.SGD(p, 0.1, 0.9, weight_decay=1e-2), lambda p: optim.SGD(p, 0.1, 0.9, nesterov=True),
    lambda p: optim.Adam(p, 0.01), lambda p: optim.AdamW(p, 0.01),
])  # fmt: skip
def test_pruned_weights_stay_0_although_they_have_momentum(make):
    model, x = network(), Tensor(numbers(0, (4, 8, 8, 3)))
    optimizer = make(model.parameters())
    average = optim.PolyakAverage(model.state_dict(), 0.5)

    def step():
        optimizer.zero_grad()
        mg.ops.cross_entropy(model(x), np.array([0, 1, 2, 3])).backward()
        optimizer.step()
        average.step()

    step()
    nn.prune(model, 0.3)
    before = copy.deepcopy(weights_of(model))
    step()
    for name, mask in nn.masks(model).items():
        now = weights_of(model)[name]
        assert not now[~mask].any() and not np.array_equal(now[mask], before[name][mask])
        assert not dict(model.named_parameters())[name].grad[~mask].any()


def test_weights_that_are_loaded_do_not_revive_what_is_pruned():
    model = nn.prune(network(), 0.3)
    model.load_state_dict(network().state_dict())
    assert density_of(model) == pytest.approx(0.3, abs=0.01)


def test_masks_only_shrink():
    model = nn.prune(network(), 0.3)
    first = copy.deepcopy(nn.masks(model))
    for p in model.parameters():
        p.data += 1
        p.mark_written()
    assert density_of(nn.prune(model, 0.5)) == density_of(nn.prune(model, 0.3)) == pytest.approx(0.3, abs=0.01)
    nn.prune(model, 0.2, block=4)
    assert all(not (mask & ~first[name]).any() for name, mask in nn.masks(model).items())


def test_a_copy_of_a_network_has_its_masks():
    model = nn.prune(network(), 0.3)
    assert nn.masks(copy.deepcopy(model)).keys() == nn.masks(model).keys() != set()


def test_lamp_scores_are_those_of_the_paper():
    """Squares 1, 4, 9, 16: 1/30, 4/29, 9/25, 1. (Lee et al. 2021, equation 3)"""
    assert np.allclose(lamp(np.array([[9.0, 1.0], [16.0, 4.0]])), [[9 / 25, 1 / 30], [1, 4 / 29]])


def test_all_layers_together_keep_the_share_and_none_loses_everything():
    model = nn.prune(network(), 0.1, scope="global")
    densities = {name: (w != 0).mean() for name, w in weights_of(model).items()}
    assert density_of(model) == pytest.approx(0.1, abs=1e-3) and min(densities.values()) > 0 and len(set(densities.values())) > 3
    tiny = nn.prune(network(), 0, scope="global")
    assert all(w.any() for w in weights_of(tiny).values())
    alone = largest_of_all({"a": numbers(0, (1, 1, 8, 8))}, 0.5)["a"]
    assert np.array_equal(alone, nn.pruning.largest(numbers(0, (1, 1, 8, 8)), 0.5))


def test_blocks_of_outputs_stay_or_go_together():
    model = nn.prune(network(), 0.5, block=8)
    for w in weights_of(model).values():
        padded = np.pad(w, [(0, 0)] * (w.ndim - 1) + [(0, -w.shape[-1] % 8)]).reshape(*w.shape[:-1], -1, 8)
        full = [min(8, w.shape[-1] - first) for first in range(0, w.shape[-1], 8)]
        counts = (padded != 0).sum(axis=-1)
        assert np.isin(counts, [0, *full]).all() and ((counts == 0) | (counts == full)).all()


@pytest.mark.parametrize("group, n, block", [(4, 2, 1), (8, 4, 1), (4, 1, 1), (4, 2, 8)])
def test_of_every_group_of_inputs_the_same_number_stays(group, n, block):
    w = numbers(0, (3, 3, 16, 24))
    mask = n_of_m(w, n / group, group, block)
    assert (mask.reshape(3, 3, -1, group, 24).sum(axis=3) == n).all()
    if block == 1:
        kept, gone = np.where(mask, np.abs(w), np.inf), np.where(mask, 0, np.abs(w))
        assert (kept.reshape(9, -1, group, 24).min(axis=2) >= gone.reshape(9, -1, group, 24).max(axis=2)).all()


def test_n_of_m_leaves_layers_alone_whose_inputs_are_not_whole_groups():
    model = nn.prune(network(), 0.5, group=4)
    assert model.stem.weight.mask is None and model.classifier.weight.mask.mean() == 0.5


def test_only_the_layers_that_are_named_are_pruned():
    model = nn.prune(network(), {"stem": 0.5, "classifier": 0.1})
    assert nn.masks(model).keys() == {"stem.weight", "classifier.weight"}
    others = nn.prune(network(), 0.5, keep=["block", "stem"])
    assert nn.masks(others).keys() == {"classifier.weight"}


def test_depthwise_convolutions_stay_dense_unless_they_are_named():
    model = nn.Sequential(a=nn.Conv2d(8, 8, 3, groups=8), b=nn.Conv2d(8, 8, 3, groups=2), c=nn.Conv2d(1, 8, 3))
    assert nn.masks(nn.prune(model, 0.5)).keys() == {"b.weight", "c.weight"}
    assert nn.masks(nn.prune(model, {"a": 0.5})).keys() == {"a.weight", "b.weight", "c.weight"}


@pytest.mark.parametrize("arguments, settings, message", [
    ((1.5,), {}, "`density` is 1.5, expected a finite number from 0 to 1"),
    ((np.nan,), {"scope": "global"}, "`density` is nan"),
    (({"stem": 2},), {}, "`density` is 2.0, expected"),
    (({"steam": 0.5},), {}, "`density` has 'steam', expected the name of a Conv2d or Linear, such as stem"),
    (({"block": 0.5},), {}, "`density` has 'block'"),
    ((0.5,), {"scope": "all"}, "`scope` is 'all', expected one of layer, global"),
    ((0.5,), {"block": 0}, "`block` is 0"),
    ((0.5,), {"keep": ["classifer"]}, "`keep` has 'classifer', expected the name of a module, such as classifier"),
    (({"stem": 0.5},), {"keep": ["stem"]}, r"`keep` is \['stem'\] beside densities of named layers, expected one number as `density`"),
    (({"stem": 0.5},), {"scope": "global"}, "`scope` is 'global' beside densities of named layers"),
    ((0.4,), {"group": 4}, "`density` is 0.4, expected a multiple of 1/4, for `group` 4"),
])  # fmt: skip
def test_what_cannot_be_is_refused_by_name(arguments, settings, message):
    with pytest.raises(ValueError, match=message):
        nn.prune(network(), *arguments, **settings)


def test_a_weight_that_is_pruned_after_backward_has_no_gradient_either():
    model = network()
    model(Tensor(numbers(0, (2, 8, 8, 3)))).sum().backward()
    given = model.stem.weight.grad
    before = given.copy()
    kept = nn.masks(nn.prune(model, 0.25))["stem.weight"]
    assert np.array_equal(model.stem.weight.grad, before * kept) and np.array_equal(given, before)  # others may hold the array


def test_a_mask_of_another_shape_or_type_is_refused():
    conv = nn.Conv2d(3, 4, 1)
    for mask in (np.ones((1, 1, 3, 5), bool), np.ones((1, 1, 3, 4))):
        with pytest.raises((ValueError, TypeError), match="Parameter: `mask`"):
            conv.weight.mask = mask
