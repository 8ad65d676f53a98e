"""All instruction sets with fused multiply-add give the same bits: those recorded in digests.json."""

import json

import numpy as np
import pytest

from minigoog import kernels

if kernels.native is None:
    pytest.skip("the C kernels are not in use", allow_module_level=True)

from tests.kernels import digests

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
