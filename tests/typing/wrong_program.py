"""Mistakes that mypy --strict finds before the program runs: each line says the error that it must give."""

import numpy as np

import minigoog as mg
from minigoog import Tensor, nn, ops

x = Tensor(np.zeros((1, 8, 8, 3), np.float32))
nn.Conv2d("3", 4, 3)  # error: arg-type
nn.Conv2d(3, 4, 3, bias=0.5)  # error: arg-type
nn.Linear(4, 3, biass=True)  # error: call-arg
ops.relu(np.zeros(3))  # error: arg-type
x + "1"  # error: operator
x.backwards()  # error: attr-defined
y: int = x.sum()  # error: assignment
mg.optim.SGD(3, lr=0.1)  # error: arg-type
mg.compile(x, (1, 8, 8, 3))  # error: arg-type
mg.data.DataLoader(mg.data.digits()[0], batch_size="8")  # error: arg-type
