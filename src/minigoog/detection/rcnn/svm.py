"""A linear SVM for each class, on the features of the network, with hard negatives. (R-CNN; scikit-learn's liblinear, extra `detection`)"""

from typing import Any, NamedTuple

import numpy as np

from ...array_types import Array, BoolArray, IntArray

C, POSITIVES_WEIGH, BIAS = 1e-3, 2, 10.0
NEGATIVE = 0.3  # IoU with every object of the class, below which a window is a negative
HARD, EASY = -1.0001, -1.2  # a negative with a higher score comes in; one with a lower score goes
RETRAIN = 2000  # new negatives of a class
NEVER = -1e9  # the score of a class without objects
NORM = 20.0  # the mean norm to which features are scaled


class Linear(NamedTuple):
    """Scores x @ weight + bias: weight float32 [features, classes], bias [classes]."""

    weight: Array
    bias: Array

    def scores(self, x: Array) -> Array:
        """float32 [n, classes] of features [n, features]."""
        return np.asarray(x @ self.weight + self.bias)


def trained(x: Array, true: IntArray, overlaps: Array, pictures: IntArray, scale: float) -> Linear:
    """The SVM of each class. x: features [n, features] of windows; true: the class of a window that is an object's own box, else -1;
    overlaps: [n, classes] the best IoU with an object of each class; pictures: of which picture a window is, visited in order, once.

    scale: of the features; it becomes part of the weights."""
    found = [_of_class(x, true == label, overlaps[:, label] < NEGATIVE, pictures, scale) for label in range(overlaps.shape[1])]
    return Linear(np.stack([weight for weight, _ in found], axis=1), np.array([bias for _, bias in found], np.float32))


def _of_class(x: Array, positive: BoolArray, negative: BoolArray, pictures: IntArray, scale: float) -> tuple[Array, float]:
    """(weight, bias) of one class: after the negatives of the first pictures, only hard ones are added."""
    if not positive.any() or not negative.any():
        return np.zeros(x.shape[1], np.float32), NEVER if not positive.any() else 0.0
    used, new, fit = np.zeros(len(x), bool), 0, None
    for picture in np.unique(pictures):
        here = np.flatnonzero((pictures == picture) & negative)
        hard = here if fit is None else here[_scores(fit, x[here], scale) > HARD]
        used[hard], new = True, new + len(hard)
        if new >= RETRAIN:
            fit, new = _fitted(x, positive, used, scale), 0
            used &= ~((_scores(fit, x, scale) < EASY) & used)
    fit = _fitted(x, positive, used, scale) if new or fit is None else fit
    return (fit.coef_[0] * scale).astype(np.float32), float(fit.intercept_[0])


def _fitted(x: Array, positive: BoolArray, used: BoolArray, scale: float) -> Any:
    try:
        from sklearn.svm import LinearSVC
    except ModuleNotFoundError:
        raise ImportError("SVMs need scikit-learn: pip install 'minigoog[detection]', or --no-svm") from None

    chosen = np.concatenate([np.flatnonzero(positive), np.flatnonzero(used)])
    machine = LinearSVC(C=C, loss="hinge", dual=True, intercept_scaling=BIAS, class_weight={1: POSITIVES_WEIGH, 0: 1}, random_state=0,
                        max_iter=20_000)  # fmt: skip
    return machine.fit(x[chosen] * np.float32(scale), positive[chosen].astype(int))


def _scores(fit: Any, x: Array, scale: float) -> Array:
    return np.asarray(x @ (fit.coef_[0] * scale).astype(np.float32) + fit.intercept_[0])
