"""A program as users write it: mypy --strict accepts every line, and test_typing.py runs it."""

from typing import assert_type

import numpy as np

import minigoog as mg
from minigoog import Tensor, nn, ops


class Double(mg.Op):
    """An operation of one's own."""

    def forward(self, x: np.ndarray) -> np.ndarray:
        self.y = 2 * x
        return self.y

    def backward(self, dy: np.ndarray) -> tuple[np.ndarray]:
        return (2 * dy,)


class Network(nn.Module):
    """A network of one's own."""

    def __init__(self, classes: int) -> None:
        self.features = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1, bias=False), nn.ReLU(), nn.MaxPool2d(2))
        self.pool = nn.AdaptiveAvgPool2d((2, 2))
        self.classifier = nn.Linear(32, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = Double()(self.features(x))
        logits: Tensor = self.classifier(ops.flatten(self.pool(x)))  # what a module returns is Any, as in PyTorch
        return logits


def expressions(x: Tensor, w: Tensor) -> float:
    """What PyTorch and NumPy users write."""
    y = (1 + x) / 2 - x * 3 + (-x) + (1 - x) + x @ w
    y = y * np.float32(2) + np.float32(3) * y - np.float64(1) / (y.flatten(1).reshape(2, -1) ** 2 + np.int64(1))
    assert_type(y, Tensor)
    assert_type(x[0], Tensor)
    assert_type(x.mean(), Tensor)
    assert_type(x.reshape(x.size), Tensor)
    return float(sum([y, y], start=y).sum()) + x.sum().item() + float(np.asarray(x).max())


def train(model: Network, train_data: mg.data.ArrayDataset) -> list[float]:
    """One epoch of training."""
    loader = mg.data.DataLoader(train_data, batch_size=64, shuffle=True, num_workers=1)
    optimizer = mg.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    losses = []
    for images, labels in loader:
        loss = mg.losses.cross_entropy(model(Tensor(images)), labels)
        model.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def main() -> None:
    """Trains, compiles and traces."""
    mg.manual_seed(0)
    digits, test = mg.data.digits()
    model = Network(classes=len(digits.classes))
    losses = train(model, digits)
    assert losses[-1] < losses[0]

    model.eval()
    x = test.images[:4].astype(np.float32)
    with mg.no_grad():
        y = model(Tensor(x))
    if mg.kernels.native:
        plan = mg.compile(model, x.shape)
        assert np.allclose(plan(x), y.numpy(), atol=1e-4)
    step = mg.trace(model, x[0], label=0)["classifier"][0]
    print(step.explain(3), mg.gradcheck(lambda t: Double()(t).sum(), [Tensor(np.ones(3))]))
    print(expressions(Tensor(np.ones((2, 2), np.float32)), Tensor(np.ones((2, 2), np.float32))))


if __name__ == "__main__":
    main()
