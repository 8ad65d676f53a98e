"""The group lasso on rings of filters: what a step does, what counts as support, and the judge's rule."""

import numpy as np
import pytest

from minigoog.sparsity.accuracy.pictures import Pictures
from minigoog.sparsity.depth import rings, supports
from minigoog.sparsity.depth.plain_stack import new_stack
from minigoog.sparsity.depth.supports import SUPPORTS


def ring_norms(w, ring):
    """By hand: the norms over the positions whose larger distance from the centre is `ring`."""
    places = [(y, x) for y in range(5) for x in range(5) if max(abs(y - 2), abs(x - 2)) == ring]
    return np.sqrt(sum(np.square(w[y, x].astype(np.float64)).sum(axis=0) for y, x in places))


def test_a_step_shortens_the_outer_rings_of_each_filter_and_leaves_its_centre_alone():
    w = np.random.default_rng(0).standard_normal((5, 5, 3, 4)).astype(np.float32)
    w[:, :, :, 1] *= 0.01
    before = w.copy()
    rings.shrink(w, 0.5)
    assert np.array_equal(w[2, 2], before[2, 2])
    for ring in (1, 2):
        assert np.allclose(ring_norms(w, ring), np.maximum(ring_norms(before, ring) - 0.5, 0), atol=1e-5)
    assert list(rings.supports(w)) == [5, 1, 5, 5]
    w[0], w[4], w[:, 0], w[:, 4] = 0, 0, 0, 0
    assert list(rings.supports(w)) == [3, 1, 3, 3]


@pytest.mark.parametrize("ring, sizes", [(1, [1, 3]), (2, [3, 5])])
def test_a_ring_of_a_tenth_of_the_norm_or_less_is_gone(ring, sizes):
    w = np.random.default_rng(0).standard_normal((5, 5, 3, 2)).astype(np.float32)
    w[ring < rings.DISTANCE] = 0
    rest = np.sqrt(np.square(w[ring != rings.DISTANCE], dtype=np.float64).sum(axis=(0, 1)))
    w[ring == rings.DISTANCE] *= np.float32([0.099, 0.102]) * rest / ring_norms(w, ring)
    assert list(rings.supports(w)) == sizes


def test_a_filter_of_zeros_has_the_support_of_its_centre():
    assert list(rings.supports(np.zeros((5, 5, 3, 2), np.float32))) == [1, 1]


def test_rings_that_the_loss_does_not_hold_back_lose_the_strength():
    """With all images alike and one label, no gradient is left after a few steps; weight decay takes its part as well."""
    images = Pictures(np.zeros((128, 8, 8, 1), np.float32), np.zeros(128, np.int64))
    model = new_stack(0, (8, 8, 1), 1, window=5)
    before = [ring_norms(conv.weight.data, 2) for conv in rings.convolutions(model)]
    rings.train(model, images, {"epochs": 3, "lr": 0.01}, 0.25, 0)
    for conv, norms in zip(rings.convolutions(model), before, strict=True):
        assert np.allclose(ring_norms(conv.weight.data, 2), norms - 0.25, atol=0.03)


def test_filters_that_never_fire_are_dead_and_have_no_support():
    model = new_stack(0, (8, 8, 1), 10, window=5)
    first = next(module for module in model.modules() if type(module).__name__ == "ConvBNReLU")
    first.norm.bias.data[:3] = -100
    images = Pictures(np.random.default_rng(0).standard_normal((20, 8, 8, 1)).astype(np.float32), np.zeros(20, np.int64))
    layer = rings.found(model, images)["layers"][0]
    assert layer["dead"] == 3 and sum(layer["filters"]) == 13 and layer["filters"][2] == 13


def numbers(*rows):
    """Made-up numbers: (accuracy, mean supports) of strengths 0, 1, ..."""
    made = []
    for strength, (accuracy, sizes) in enumerate(rows):
        filters = [[0, 10 - round(5 * (size - 3)), round(5 * (size - 3))] for size in sizes]
        made.append({"strength": float(strength), "accuracy": accuracy, "filters": filters, "dead": [0] * len(sizes)})
    return {"strengths": made}


DENSE = (0.7, (5, 5, 5, 5))


@pytest.mark.parametrize("rows, verdict", [
    ((DENSE, (0.69, (3.2, 3.6, 4, 4.4))), "holds"),
    ((DENSE, (0.69, (4.4, 4, 3.6, 3.2))), "contradicted"),
    ((DENSE, (0.69, (3.2, 3.6, 4, 4.4)), (0.68, (4.4, 4, 3.6, 3.2))), "holds partly"),
    ((DENSE, (0.5, (3.2, 3.6, 4, 4.4))), "undecided"),  # the network does not work any more
    ((DENSE, (0.69, (5, 5, 5, 4.8))), "undecided"),  # nearly all rings are left
])  # fmt: skip
def test_the_verdict_follows_the_rule(rows, verdict):
    assert SUPPORTS.judge(numbers(*rows))[0] == verdict


def test_the_share_of_outermost_rings_is_counted_over_live_filters():
    assert supports.outermost(numbers((0.7, (3, 4)))["strengths"][0]) == 0.25
    assert supports.outermost({"filters": [[0, 0, 0]]}) == 0
