"""One function three ways: the algebra in float64, the groups that are found, every form against the reduced one, the verdict's rule."""

import numpy as np
import pytest

from minigoog.kernels import reference
from minigoog.sparsity.inception import forms
from minigoog.sparsity.inception.equivalence import composed, error_of, exact_output, grouped_module, reduced_module, support_groups
from minigoog.sparsity.inception.forms import CSR, DENSE, NAIVE, RANDOM, REDUCED, SAME, WAYS
from minigoog.sparsity.inception.three_ways import THREE_WAYS

WIDTHS = (6, 4, 8, 3, 5)  # 1x1, 3x3 reduce, 3x3, 5x5 reduce, 5x5


@pytest.fixture
def module(monkeypatch):
    """A small module in all its forms."""
    monkeypatch.setitem(forms.WIDTHS, "small", (12, *WIDTHS, 0))
    monkeypatch.setitem(forms.MODULES, "small", 9)
    monkeypatch.setattr(forms, "PIXELS", 160)
    return forms.Forms("small", 0)


def test_one_5x5_convolution_computes_what_the_reduced_module_does():
    """In float64, where only the order of sums differs; `reference.conv2d` knows nothing of modules."""
    rng = np.random.default_rng(0)
    reduced, x = reduced_module(12, WIDTHS, rng), rng.standard_normal((2, 7, 8, 12))
    exact, magnitude = exact_output(reduced, x)
    y = reference.conv2d(x, composed(reduced), padding=2)
    assert np.abs(y - exact).max() < 1e-13 and np.all(np.abs(exact) <= magnitude)


def test_channels_are_grouped_by_the_positions_at_which_they_have_weights():
    w = np.zeros((5, 5, 3, 6))
    w[2, 2, :, [0, 4]] = 1  # 1x1
    w[1:4, 1:4, 1, [2, 5]] = 1  # 3x3
    w[0, 0, 0, 3] = 1  # one corner: 5x5
    w[2, 3, 2, 1] = 1  # right of the middle: 3x3, but not those positions
    groups = support_groups(w)
    assert [(size, channels.tolist()) for size, channels in groups] == [(1, [0, 4]), (3, [1]), (3, [2, 5]), (5, [3])]


def test_the_groups_of_a_shuffled_function_are_the_naive_inception_module(module):
    assert [(size, len(channels)) for size, channels in module.groups] == [(1, 6), (3, 8), (5, 5)]
    for size, channels in module.groups:  # before they were shuffled the branches lay side by side
        first = {1: 0, 3: 6, 5: 14}[size]
        assert sorted(module.shuffled[channels]) == list(range(first, first + len(channels)))


def test_grouping_leaves_no_weight_out_and_computes_no_zero(module):
    kernels = [parameter.data for parameter in grouped_module(module.w, module.groups).parameters()]
    assert [w.shape for w in kernels] == [(1, 1, 12, 6), (3, 3, 12, 8), (5, 5, 12, 5)]
    assert sum(w.size for w in kernels) == np.count_nonzero(module.w) == sum(np.count_nonzero(w) for w in kernels)


def test_every_form_computes_the_same_function_within_the_rounding_bound(isa, native, module):
    errors = module.errors(module.runs())
    assert {key[0] if isinstance(key, tuple) else key for key in errors} == set(SAME)
    assert all(error <= 1 for error in errors.values()), errors


def test_the_bound_on_errors_notices_one_weight_that_is_missing(native, module):
    runs = module.runs()
    exact, magnitude = exact_output(module.reduced, module.x[:1])
    smallest = np.unravel_index(np.argsort(np.abs(module.w), axis=None)[module.w.size - np.count_nonzero(module.w) + 20], module.w.shape)
    y = np.array(runs[CSR]())
    y[..., smallest[3]] -= module.w[smallest] * module.x[..., smallest[2]]  # as if it stood at another place
    assert error_of(module.in_order(CSR, y[:1]), exact, magnitude, 300) > 1


def test_each_form_multiplies_for_as_many_weights_as_its_algebra_says(module):
    ch1x1, r3, ch3x3, r5, ch5x5 = WIDTHS
    assert module.weights_of(NAIVE) == module.weights_of(CSR) == 12 * (ch1x1 + 9 * ch3x3 + 25 * ch5x5)
    assert module.weights_of(REDUCED) == module.weights_of(RANDOM) == 12 * (ch1x1 + r3 + r5) + 9 * r3 * ch3x3 + 25 * r5 * ch5x5
    assert module.weights_of(DENSE) == 25 * 12 * (ch1x1 + ch3x3 + ch5x5)


def test_misses_are_simulated_for_every_way(module):
    misses = module.misses()
    assert set(misses) == set(WAYS)


@pytest.mark.parametrize("changes, error, verdict", [
    ({}, 0.5, "holds"),
    ({RANDOM: 1.1}, 0.5, "holds partly"),  # unstructured as fast as reduced
    ({REDUCED: 3.5}, 0.5, "holds partly"),  # reducing gains nothing
    ({CSR: 4.5}, 0.5, "contradicted"),
    ({}, 1.1, "contradicted"),
])
def test_the_verdict_on_three_ways_follows_its_rule(changes, error, verdict):
    ms = dict.fromkeys(WAYS, 20.0) | {CSR: 10.0, NAIVE: 4.0, REDUCED: 1.0, RANDOM: 2.0} | changes
    modules = {row: {"rows": [{"way": way, "ms": ms[way]} for way in WAYS], "largest_error": error} for row in ("3a", "4e")}
    assert THREE_WAYS.judge({"modules": modules})[0] == verdict
