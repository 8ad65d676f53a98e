"""Measures of a classifier."""

import numpy as np
import pytest

from minigoog.metrics import confusion_matrix, top_k_error

SCORES = np.array([[0.1, 0.6, 0.3], [0.5, 0.2, 0.3], [0.2, 0.3, 0.5]])


@pytest.mark.parametrize("labels, k, error", [([1, 0, 2], 1, 0), ([2, 0, 2], 1, 1 / 3), ([2, 2, 1], 1, 1),
                                             ([2, 2, 1], 2, 0), ([0, 1, 0], 2, 1),
                                             ([0, 1, 0], 3, 0), ([0, 1, 0], 9, 0)])
def test_top_k_error_is_the_share_of_labels_outside_the_k_highest(labels, k, error):
    assert top_k_error(SCORES, labels, k) == pytest.approx(error)


def test_top_k_error_agrees_with_sorting():
    scores, labels = np.random.default_rng(0).standard_normal((200, 10)), np.random.default_rng(1).integers(0, 10, 200)
    for k in range(1, 11):
        by_sorting = np.mean([label not in np.argsort(-row)[:k] for row, label in zip(scores, labels, strict=True)])
        assert top_k_error(scores, labels, k) == pytest.approx(by_sorting)


def test_equal_or_nan_scores_count_as_wrong():
    assert top_k_error(np.zeros((4, 10)), [0, 1, 2, 3]) == 1 and top_k_error(np.full((4, 10), np.nan), [0, 1, 2, 3]) == 1


def test_one_nan_in_a_row_counts_against_its_label_alone():
    scores = SCORES.copy()
    scores[0, 1] = np.nan
    assert top_k_error(scores, [1, 0, 2]) == pytest.approx(1 / 3)


def test_no_rows_have_no_error():
    assert top_k_error(np.zeros((0, 3)), np.zeros(0, int)) == 0


@pytest.mark.parametrize("args, message", [
    ((np.zeros(3), [0]), r"`scores` has shape \(3,\)"), ((SCORES, [0, 1]), r"`labels` has shape \(2,\), expected \(3,\)"),
    ((SCORES, [0, 1, 3]), "`labels` go from 0 to 3, expected 0 to 2"), ((SCORES, [0.0, 1, 2]), "`labels` is float64"),
    ((SCORES, [0, 1, 2], 0), "`k` is 0, expected at least 1"), ((SCORES, [0, 1, 2], 1.5), "`k` is 1.5")])
def test_what_does_not_fit_is_refused_by_name(args, message):
    with pytest.raises((TypeError, ValueError), match=f"top_k_error: {message}"):
        top_k_error(*args)


def test_the_confusion_matrix_counts_class_by_row_and_prediction_by_column():
    assert confusion_matrix([0, 1, 1, 2, 0], [0, 1, 2, 2, 0], 3).tolist() == [[2, 0, 0], [0, 1, 0], [0, 1, 1]]
    with pytest.raises(ValueError, match="confusion_matrix: `predicted` go from 0 to 3"):
        confusion_matrix([0, 3], [0, 1], 3)
