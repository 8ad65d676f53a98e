"""Patterns of sparse weights: against PyTorch and by hand; bad ones are refused by name."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minigoog.kernels.sparse_pattern import SparsePattern
from tests.answers import asked
from tests.kernels.sparse_cases import densities, formats
from tests.strategies import numbers, seeds


def i32(*values):
    return np.array(values, np.int32)


@given(seed=seeds, density=densities, block=formats, cout=st.integers(1, 50))
def test_a_pattern_takes_weights_out_and_puts_them_back(seed, density, block, cout):
    rng = np.random.default_rng(seed)
    w = rng.standard_normal((2, 3, 4, cout)) * (rng.random((2, 3, 4, cout)) < density)
    pattern = SparsePattern.from_mask(w != 0, block)
    values = pattern.gather(w)
    assert np.array_equal(pattern.scatter(values), w) and values.shape == pattern.values_shape
    assert pattern.n_weights >= np.count_nonzero(w) and (block > 1 or pattern.n_weights == np.count_nonzero(w))
    assert pattern.density == pattern.n_weights / w.size


def test_a_block_is_kept_where_any_of_its_rows_has_a_weight():
    mask = np.zeros((1, 2, 3, 40), bool)
    mask[0, 1, 2, 17] = mask[0, 0, 1, 39] = mask[0, 0, 1, 16] = True  # columns 5, 1, 1; blocks 1, 2, 1
    pattern = SparsePattern.from_mask(mask, 16)
    assert pattern.crow_indices.tolist() == [0, 0, 2, 3] and pattern.col_indices.tolist() == [1, 5, 1]
    assert pattern.values_shape == (3, 16) and pattern.n_weights == 2 * 16 + 8  # channels 32 to 39 are half a block


SPARSE = numbers(0, (3, 3, 5, 7)) * (numbers(1, (3, 3, 5, 7)) > 0.5)


@asked("torch")
def pytorchs_csr():
    import torch

    with warnings.catch_warnings(action="ignore"):  # that CSR is in beta, once for each process
        csr = torch.from_numpy(SPARSE.reshape(45, 7).T.copy()).to_sparse_csr()
    return {"crow": csr.crow_indices().numpy(), "col": csr.col_indices().numpy(), "values": csr.values().numpy()}


def test_a_csr_pattern_is_that_of_pytorch():
    ours, theirs = SparsePattern.from_mask(SPARSE != 0), pytorchs_csr()
    assert np.array_equal(ours.crow_indices, theirs["crow"]) and np.array_equal(ours.col_indices, theirs["col"])
    assert np.array_equal(ours.gather(SPARSE), theirs["values"])


def test_a_pattern_does_not_change_with_the_arrays_that_it_was_made_from():
    crow, col = np.array([0, 1, 2], np.int32), np.array([0, 3], np.int32)
    pattern = SparsePattern((1, 2, 2, 2), crow, col)
    crow[1], col[0] = 9, 9
    assert pattern.crow_indices.tolist() == [0, 1, 2] and pattern.col_indices.tolist() == [0, 3]
    with pytest.raises(ValueError, match="read-only"):
        pattern.col_indices[0] = 1


BAD_PATTERNS = [
    (((1, 1, 2), i32(0, 1), i32(0)), TypeError, r"`shape` is \(1, 1, 2\), expected a tuple of 4"),
    (((1, 1, 0, 1), i32(0, 1), i32(0)), ValueError, r"`shape` is 0, expected at least 1"),
    (((1, 2**16, 2**16, 1), i32(0, 0), i32()), ValueError, r"expected at most 2147483647 positions of the window"),
    (((1, 1, 2, 1), [0, 1], i32(0)), TypeError, r"`crow_indices` is list, expected a NumPy array"),
    (((1, 1, 2, 1), np.array([0, 1]), i32(0)), TypeError, r"`crow_indices` is int64, expected int32"),
    (((1, 1, 2, 1), i32(0, 1), np.array([0])), TypeError, r"`col_indices` is int64, expected int32"),
    (((1, 1, 2, 1), i32(0, 1, 1), i32(0)), ValueError, r"`crow_indices` has shape \(3,\), expected \(2,\)"),
    (((1, 1, 2, 1), i32(0, 2), i32(0)), ValueError, r"`crow_indices` must rise from 0 to 1"),
    (((1, 1, 2, 1), i32(1, 1), i32(0)), ValueError, r"`crow_indices` must rise from 0 to 1"),
    (((1, 1, 2, 2), i32(0, 2, 1), i32(0)), ValueError, r"`crow_indices` must rise from 0 to 1"),
    (((1, 1, 2, 1), i32(0, 1), i32(2)), ValueError, r"`col_indices` go from 2 to 2, expected 0 to 1"),
    (((1, 1, 2, 1), i32(0, 1), i32(-1)), ValueError, r"`col_indices` go from -1 to -1, expected 0 to 1"),
    (((1, 1, 2, 1), i32(0, 2), i32(1, 1)), ValueError, r"`col_indices` must increase within each row"),
    (((1, 1, 3, 2), i32(0, 1, 3), i32(0, 2, 1)), ValueError, r"`col_indices` must increase within each row"),
    (((1, 1, 2, 1), i32(0, 1), i32(0), 8), ValueError, r"`block` is 8, expected 1 or a multiple of 16"),
    (((1, 1, 2, 1), i32(0, 1), i32(0), 0), ValueError, r"`block` is 0, expected at least 1"),
    (((1, 1, 2, 1), i32(0, 1), i32(0), 16.0), TypeError, r"`block` is 16.0, expected an integer"),
]


@pytest.mark.parametrize("arguments, error, message", BAD_PATTERNS, ids=[message for *_, message in BAD_PATTERNS])
def test_a_bad_pattern_is_refused_by_name(arguments, error, message):
    with pytest.raises(error, match=f"^SparsePattern: .*{message}"):
        SparsePattern(*arguments)


def test_rows_may_start_anywhere():
    pattern = SparsePattern((1, 1, 3, 4), i32(0, 0, 2, 2, 4), i32(1, 2, 0, 2))
    assert pattern.scatter(np.arange(1.0, 5.0))[0, 0].T.tolist() == [[0, 0, 0], [0, 1, 2], [0, 0, 0], [3, 0, 4]]


def test_masks_and_weights_of_a_wrong_kind_are_refused_by_name():
    pattern = SparsePattern.from_mask(np.ones((1, 1, 2, 3), bool))
    for call, error, message in (
        (lambda: SparsePattern.from_mask(np.ones((1, 1, 2, 3))), TypeError, "`mask` is float64, expected bool"),
        (lambda: SparsePattern.from_mask(np.ones((2, 3), bool)), ValueError, r"`mask` has 2 axes \(2, 3\), expected 4"),
        (lambda: SparsePattern.from_mask(np.ones((1, 1, 2, 3), bool), 24), ValueError, "`block` is 24, expected 1 or a multiple of 16"),
        (lambda: pattern.gather(np.ones((1, 1, 3, 2))), ValueError, r"`w` has shape \(1, 1, 3, 2\), expected \(1, 1, 2, 3\)"),
        (lambda: pattern.scatter(np.ones(5)), ValueError, r"`values` has shape \(5,\), expected \(6,\)"),
    ):
        with pytest.raises(error, match=message):
            call()


def test_what_another_thread_forgets_meanwhile_is_returned_all_the_same():
    class Cleared(dict):
        def __setitem__(self, key, value):
            """Another thread clears the memory at once."""

    pattern = SparsePattern.from_mask(np.ones((1, 1, 2, 2), bool))
    pattern._memo = Cleared()
    assert pattern.remembered("key", lambda: 3) == 3
