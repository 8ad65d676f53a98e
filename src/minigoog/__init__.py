"""minigoog: a convolutional-network engine that a person can read. C kernels, a Python tape, NumPy between them; after GoogLeNet.

    >>> import minigoog as mg
    >>> x = mg.Tensor([1.0, -2.0], requires_grad=True)
    >>> y = mg.ops.relu(x).sum()
    >>> y.backward()
    >>> x.grad
    array([1., 0.], dtype=float32)
"""

from . import data, formats, kernels, losses, metrics, models, nn, ops, optim
from .compile import Plan, compile
from .config import show_config
from .gradcheck import GradcheckError, gradcheck
from .inspection import diff, summary, trace
from .kernels import get_num_threads, set_num_threads
from .op import Op
from .rng import manual_seed
from .tape import Tape
from .tensor import Tensor, no_grad

__version__ = "0.1.0"

__all__ = [
    "compile", "data", "diff", "formats", "get_num_threads", "gradcheck", "GradcheckError", "kernels", "losses", "manual_seed",
    "metrics", "models", "nn", "no_grad", "Op", "ops", "optim", "Plan", "set_num_threads", "show_config", "summary", "Tape", "Tensor",
    "trace",
]
