"""Batch normalisation in training, with ReLU in the same pass if asked for. (Ioffe, Szegedy 2015, arXiv 1502.03167)"""

from .. import kernels
from ..op import Op


class BatchNorm2d(Op):
    """y = (x - mean) / sqrt(variance + eps) * gamma + beta, channel by channel, and max(0, .) if `relu`."""

    def __init__(self, eps=1e-5, relu=False, out=None):
        self.eps, self.relu, self.out = eps, relu, out

    def forward(self, x, gamma, beta):
        self.x, self.gamma = x, gamma
        self.y, self.mean, self.variance = kernels.batch_norm(x, gamma, beta, eps=self.eps, relu=self.relu, out=self.out)
        return self.y

    def backward(self, dy):
        return kernels.batch_norm_backward(self.x, self.y, dy, self.mean, self.variance, self.gamma, eps=self.eps, relu=self.relu)

    def active_set(self):
        return self.y > 0 if self.relu else None


def batch_norm(x, gamma, beta, *, eps=1e-5, relu=False, out=None):
    """Each channel of `x` [..., c] brought to mean 0 and variance 1 over everything else, times `gamma` [c], plus `beta` [c]."""
    return BatchNorm2d(eps, relu, out)(x, gamma, beta)
