"""Compile a network for inference, check that the results are the same, and see where the time goes."""

import time
from collections.abc import Callable

import numpy as np

import minigoog as mg

model = mg.models.GoogLeNet(num_classes=10).eval()
x = np.random.default_rng(0).standard_normal((1, 224, 224, 3)).astype(np.float32)


def eager() -> mg.Tensor:
    """The network, operation by operation, from Python."""
    with mg.no_grad():
        y: mg.Tensor = model(mg.Tensor(x))
        return y


def milliseconds(run: Callable[[], object], repeats: int = 10) -> float:
    """The median time of some runs, after one that does not count."""
    run()
    seconds = []
    for _ in range(repeats):
        began = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - began)
    return 1000 * float(np.median(seconds))


plan = mg.compile(model, x.shape)  # a flat list of prepared C calls for inputs of this shape; the weights are copied
print(f"largest difference  {abs(plan(x) - eager().numpy()).max():.1e}")
print(f"eager               {milliseconds(eager):.1f} ms")
print(f"compiled            {milliseconds(lambda: plan(x)):.1f} ms")
print(plan.profile(x))
