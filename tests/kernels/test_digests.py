"""All instruction sets with fused multiply-add give the same bits: those recorded in digests.json."""

import json

import numpy as np
import pytest

from minigoog import kernels

if kernels.native is None:
    pytest.skip("the C kernels are not in use", allow_module_level=True)

from tests.kernels import digests
from tests.kernels.judge import U

RECORDED = json.loads(digests.FILE.read_text())
FUSED = [isa for isa in kernels.native.machine.available_isas() if isa != "plain"]


@pytest.fixture(scope="module", params=FUSED)
def fused(request):
    """Each instruction set with fused multiply-add that this CPU has, in turn."""
    before = kernels.native.machine.isa()
    kernels.native.machine.set_isa(request.param)
    yield request.param
    kernels.native.machine.set_isa(before)


@pytest.mark.parametrize("name", digests.CASES)
def test_results_have_the_recorded_bits_on_every_set_with_fused_multiply_add(fused, name):
    arrays = digests.CASES[name]()
    assert all(np.all(np.isfinite(a)) and np.any(a) for a in arrays), "a result that tests nothing"
    assert digests.digest(arrays) == RECORDED[name]


def test_every_record_has_its_case():
    assert RECORDED.keys() == digests.CASES.keys()


def test_plain_rounds_products_too_and_stays_within_the_bound_of_two_roundings():
    """docs/kernels.md: without fused multiply-add every product is rounded before it is added: (4 + 2 sqrt(2 K)) u sum |x| |w|, from the
    exact result; from that of the other sets at most the sum of both bounds."""
    x, w = digests.numbers(1, (2, 9, 9, 40)), digests.numbers(2, (3, 3, 40, 24))
    terms, results = 9 * 40, {}
    machine, before = kernels.native.machine, kernels.native.machine.isa()
    for isa in machine.available_isas():
        machine.set_isa(isa)
        results[isa] = kernels.native.conv2d(x, w, algorithm="direct")
    machine.set_isa(before)
    magnitude = kernels.reference.conv2d(np.abs(x).astype(np.float64), np.abs(w).astype(np.float64))
    exact = kernels.reference.conv2d(x.astype(np.float64), w.astype(np.float64))
    twice, once = (4 + 2 * np.sqrt(2 * terms)) * U * magnitude, (4 + 2 * np.sqrt(terms)) * U * magnitude
    assert np.all(np.abs(results["plain"] - exact) <= twice)
    for isa in FUSED:
        assert np.all(np.abs(results[isa] - exact) <= once)
        assert np.all(np.abs(results["plain"].astype(np.float64) - results[isa]) <= once + twice)
