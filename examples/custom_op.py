"""Your own operation: its forward and backward functions in NumPy. Then check it, train with it, trace it and compile it."""

import numpy as np

import minigoog as mg
from minigoog import nn


class Swish(mg.Op):
    """y = x * sigmoid(beta * x). (Ramachandran, Zoph, Le 2017, arXiv 1710.05941)"""

    def __init__(self, beta: float = 1.0) -> None:
        self.beta = beta  # settings are arguments of the constructor

    def forward(self, x: np.ndarray) -> np.ndarray:  # from arrays to an array
        self.x, self.gate = x, 1 / (1 + np.exp(-self.beta * x))  # forward stores what backward reads in attributes
        return self.x * self.gate

    def backward(self, dy: np.ndarray) -> tuple[np.ndarray]:  # one gradient for each input
        return (dy * self.gate * (1 + self.beta * self.x * (1 - self.gate)),)


class Layer(nn.Module):
    """Swish as a layer. Each call makes a new operation object, which is the record of that call."""

    def forward(self, x: mg.Tensor) -> mg.Tensor:
        return Swish()(x)


print("gradcheck:", mg.gradcheck(lambda x: Swish(1.5)(x), [np.random.default_rng(0).standard_normal((3, 4))]))

mg.manual_seed(0)
model = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), Layer(), nn.Flatten(), nn.Linear(512, 10))
digits = mg.data.digits()[0]
images, labels = digits.images[:100].astype(np.float32) / digits.images.max(), digits.labels[:100]

optimizer = mg.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
for step in range(31):
    loss = mg.losses.cross_entropy(model(mg.Tensor(images)), labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 10 == 0:
        print(f"step {step:2d}  loss {float(loss):.3f}")

print("\nOne image, forward and backward:")
print(mg.trace(model, images[0], label=int(labels[0])))

plan = mg.compile(model, (1, 8, 8, 1))
difference = np.abs(plan(images[:1]) - model.eval()(mg.Tensor(images[:1])).data).max()
print(f"\nCompiled, the same to {difference:.0e}; Swish runs in NumPy between two runs of C:")
print(plan)
