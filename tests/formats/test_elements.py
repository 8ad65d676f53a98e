"""Numbers of few bits: each of the 256 bytes has the value that PyTorch and ml_dtypes give it."""

import numpy as np
import pytest

from minigoog.formats.elements import EIGHT_BITS, values
from tests.answers import asked

BYTES = np.arange(256, dtype=np.uint8)
TORCH = {"F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2", "F8_E8M0": "float8_e8m0fnu", "F8_E4M3FNUZ": "float8_e4m3fnuz",
         "F8_E5M2FNUZ": "float8_e5m2fnuz"}  # fmt: skip


@asked("torch")
def pytorchs_values():
    """Of all bytes, as float32."""
    import torch

    return {kind: torch.from_numpy(BYTES).view(getattr(torch, name)).float().numpy() for kind, name in TORCH.items()}


@pytest.mark.parametrize("kind", EIGHT_BITS)
def test_every_byte_has_pytorchs_value(kind):
    assert set(TORCH) == set(EIGHT_BITS)
    found, expected = values(BYTES, kind), pytorchs_values()[kind]
    assert found.dtype == np.float32 and np.array_equal(found, expected, equal_nan=True)
    numbers = ~np.isnan(expected)
    assert np.array_equal(np.signbit(found[numbers]), np.signbit(expected[numbers]))  # of zeros too


@pytest.mark.parametrize("kind", EIGHT_BITS)
def test_every_byte_has_the_value_of_ml_dtypes(kind):
    dtypes = pytest.importorskip("ml_dtypes")
    assert np.array_equal(values(BYTES, kind), BYTES.view(getattr(dtypes, TORCH[kind])).astype(np.float32), equal_nan=True)
