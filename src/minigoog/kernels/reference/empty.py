"""Memory for results."""

import numpy as np


def empty(shape, dtype=np.float32):
    """An uninitialised, C-contiguous array."""
    return np.empty(shape, dtype)
