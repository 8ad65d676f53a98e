"""Radial basis functions: how far an output is from each of some fixed codes."""

from ..op import Op


class SquaredDistance(Op):
    """y[n, i] = |x[n] - codes[i]|^2 for fixed codes [i, features]."""

    def __init__(self, codes):
        self.codes = codes

    def forward(self, x):
        self.x = x
        codes = self.codes.astype(x.dtype)
        return (x * x).sum(axis=1, keepdims=True) - 2 * (x @ codes.T) + (codes * codes).sum(axis=1)

    def backward(self, dy):
        return (2 * (dy.sum(axis=1, keepdims=True) * self.x - dy @ self.codes.astype(dy.dtype)),)


def squared_distance(x, codes):
    """Squared Euclidean distance of each row of `x` [n, features] to each of `codes`, a constant array [i, features]: [n, i]."""
    return SquaredDistance(codes)(x)
