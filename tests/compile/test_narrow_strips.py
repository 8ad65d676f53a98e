"""Plans with narrow maps make a first convolution in float32 and its pool in strips: the same results, less memory. In plans of bytes
that is one of more channels than an image has."""

import pytest

import minigoog as mg
from minigoog import nn
from tests.compile.narrow_networks import images
from tests.kernels.judge import same_bits


class Pooled(nn.Module):
    def __init__(self, channels, stride):
        mg.manual_seed(5)
        self.first, self.pool = nn.Conv2d(channels, 16, 5, stride=stride, padding=2, relu=True), nn.MaxPool2d(3, 2, 1, ceil_mode=True)
        self.second, self.last = nn.Conv2d(16, 8, 3, relu=True), nn.Conv2d(8, 5, 1)

    def forward(self, x):
        return self.last(self.second(self.pool(self.first(x))))


@pytest.mark.parametrize(("precision", "channels", "stride"), [("int8", 5, 2), ("bf16", 3, 1)])
def test_the_pool_of_the_first_convolution_is_part_of_a_strip_and_changes_no_bit(precision, channels, stride, monkeypatch, tmp_path):
    x, settings = images(1, 64, channels), {"precision": precision, "calibrate": images(2, 64, channels, seed=1)}
    model = Pooled(channels, stride)
    monkeypatch.setattr(mg.kernels.native.strips, "LARGE", 1 << 30)
    whole = mg.compile(model, x.shape, **settings)
    monkeypatch.setattr(mg.kernels.native.strips, "LARGE", 0)
    plan = mg.compile(model, x.shape, **settings)
    assert [step.strip for step in plan.steps if step.strip] == [2] and not any(step.strip for step in whole.steps)
    assert same_bits(plan(x), whole(x))
    with mg.kernels.native.machine.at_most(1):  # each thread more has strips of its own
        assert plan.arena_bytes < whole.arena_bytes
    found, expected = (one.compare(model, images(3, 64, channels, seed=2)).layers for one in (plan, whole))
    assert [layer.decibels for layer in found[2:]] == [layer.decibels for layer in expected[2:]]
    plan.save(tmp_path / "net.plan")
    assert same_bits(mg.load_plan(tmp_path / "net.plan")(x), plan(x))
