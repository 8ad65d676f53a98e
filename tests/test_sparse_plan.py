"""Plans of pruned networks: what layers with zeros become, and that it computes the same."""

import numpy as np
import pytest

import minigoog as mg
from minigoog import Tensor, nn
from tests.kernels.judge import same_bits
from tests.strategies import numbers

pytestmark = pytest.mark.skipif(not mg.kernels.native, reason="the C kernels were not built")


def pruned_conv(density, *sizes, **settings):
    """A Conv2d with a share of its weights, at random places."""
    mg.manual_seed(0)
    conv = nn.Conv2d(*sizes, **settings)
    conv.weight.data[np.random.default_rng(0).random(conv.weight.shape) >= density] = 0
    return conv.eval()


def exact(model, x):
    """What the model computes in float64, and the largest sum of absolute products: the scale of its rounding."""
    with mg.kernels.use("reference"):
        return model(Tensor(x)).data


WINDOWS = {
    "3x3": (pruned_conv(0.05, 33, 40, 3, padding=1, relu=True), (2, 14, 14, 33)),
    "1x1": (pruned_conv(0.05, 64, 130, 1, relu=True), (3, 7, 7, 64)),
    "1x1 in parts": (pruned_conv(0.15, 300, 40, 1, relu=True), (2, 9, 7, 300)),
    "5x5 of odd rows": (pruned_conv(0.05, 24, 20, 5, padding=2), (2, 12, 13, 24)),
    "stride": (pruned_conv(0.05, 32, 24, 3, stride=2, padding=1), (1, 15, 15, 32)),
    "groups": (pruned_conv(0.05, 64, 48, 3, padding=1, groups=2, relu=True), (1, 13, 13, 64)),
}


@pytest.mark.parametrize("conv, shape", WINDOWS.values(), ids=WINDOWS)
@pytest.mark.parametrize("tune", [False, True])
def test_a_layer_with_few_weights_computes_what_the_reference_computes(isa, conv, shape, tune):
    x = numbers(1, shape)
    plan = mg.compile(conv, shape, tune=tune)
    assert np.allclose(plan(x), exact(conv, x), atol=1e-5)
    if not tune:
        assert all(step.algorithm == "CSR" and step.why.startswith("density") for step in plan.steps)


@pytest.mark.parametrize("tune", [False, True])
def test_a_layer_with_no_weights_left_is_its_bias(isa, tune):
    conv, x = pruned_conv(0, 32, 24, 3, padding=1), numbers(1, (1, 9, 9, 32))
    conv.bias.data[...] = np.arange(24)
    assert np.array_equal(mg.compile(conv, x.shape, tune=tune)(x), np.broadcast_to(conv.bias.data, (1, 9, 9, 24)))


BLOCKS = {
    "1x1": ((64, 128, 1), {}, (2, 14, 14, 64)),
    "1x1 of a last block that is not full": ((192, 130, 1), {}, (1, 14, 14, 192)),
    "3x3": ((64, 64, 3), {"padding": 1}, (2, 14, 14, 64)),
    "5x5, not square": ((24, 64, 5), {"padding": 2}, (1, 9, 11, 24)),
    "stride": ((64, 96, 3), {"padding": 1, "stride": 2}, (3, 15, 15, 64)),
    "more products than one running sum holds": ((12000, 64, 1), {}, (1, 2, 3, 12000)),
}


@pytest.mark.parametrize("sizes, settings, shape", BLOCKS.values(), ids=BLOCKS)
@pytest.mark.parametrize("block", [16, 32])
def test_blocks_compute_what_the_reference_computes(isa, threads, block, sizes, settings, shape):
    conv = pruned_conv(1, *sizes, relu=True, **settings)
    nn.prune(conv, 0.4 if sizes[0] == 12000 else 0.1, block=block)
    plan, x = mg.compile(conv, shape), numbers(1, shape)
    used = plan.steps[-1]
    assert used.algorithm.startswith(("blocks of", "CSR of 4")) and f"{used.algorithm} " in used.why
    y = plan(x)
    assert np.allclose(y, exact(conv, x), atol=1e-4)
    for n in (2, 3):
        threads(n)
        assert same_bits(plan(x), y)
    alone = mg.compile(conv, (1, *shape[1:]), algorithm="batch_invariant")(x[-1:].copy())
    assert same_bits(mg.compile(conv, shape, algorithm="batch_invariant")(x)[-1:].copy(), alone)


def test_blocks_run_on_avx2_in_tiles_of_blocks():
    conv = nn.prune(pruned_conv(1, 192, 128, 1), 0.1, block=32)
    assert mg.compile(conv, (2, 14, 14, 192)).steps[0].algorithm == "blocks of 32"
    assert mg.compile(conv, (2, 14, 14, 192), sparse=False).steps[0].algorithm == "direct"


def test_a_residual_and_an_activation_are_part_of_a_call_with_blocks(isa):
    class Block(nn.Module):
        def __init__(self):
            self.conv = nn.prune(pruned_conv(1, 64, 64, 3, padding=1), 0.1, block=32)

        def forward(self, x):
            return mg.ops.silu(self.conv(x) + x)

    first = nn.Sequential(nn.prune(pruned_conv(1, 64, 64, 1), 0.1, block=32), Block()).eval()
    plan, x = mg.compile(first, (2, 9, 9, 64)), numbers(2, (2, 9, 9, 64))
    assert [step.kind for step in plan.steps] == ["Conv2d", "pad", "Conv2d+Add+SiLU"] and np.allclose(plan(x), exact(first, x), atol=1e-5)


def test_a_plan_with_blocks_is_saved_and_its_weights_are_checked(tmp_path):
    conv, x = nn.prune(pruned_conv(1, 64, 128, 1), 0.1, block=32), numbers(2, (2, 9, 9, 64))
    plan = mg.compile(conv, x.shape)
    plan.save(tmp_path / "plan")
    found = mg.load_plan(tmp_path / "plan")
    assert same_bits(found(x), plan(x)) and repr(found) == repr(plan)
    conv.weight.data[...] *= 2
    plan.refresh(conv)
    assert np.allclose(plan(x), exact(conv, x), atol=1e-4) and plan.steps[0].algorithm == found.steps[0].algorithm


@pytest.mark.parametrize("sizes, shape", [((33, 42, 3), (2, 14, 14, 33)), ((64, 130, 1), (1, 7, 7, 64)), ((24, 7, 5), (1, 40, 41, 24))])
def test_neighbouring_channels_that_share_their_columns_are_computed_together(isa, threads, sizes, shape):
    conv = pruned_conv(1, *sizes, padding=sizes[2] // 2, relu=True)
    kept = np.random.default_rng(0).random((*conv.weight.shape[:3], -(-sizes[1] // 4))) < 0.1
    conv.weight.data[~np.repeat(kept, 4, axis=3)[..., : sizes[1]]] = 0
    plan, x = mg.compile(conv, shape), numbers(1, shape)
    assert plan.steps[0].algorithm == "CSR of 4 rows" and np.allclose(plan(x), exact(conv, x), atol=1e-5)
    y = plan(x)
    threads(3)
    assert same_bits(plan(x), y)


def test_more_products_than_one_running_sum_holds_are_added_up(isa):
    conv = pruned_conv(0.6, 8000, 4, 1)
    x = numbers(1, (1, 5, 5, 8000))
    assert np.allclose(mg.compile(conv, x.shape)(x), exact(conv, x), atol=1e-4)


def test_sparse_layers_of_large_maps_are_made_image_by_image_with_the_same_bits(threads):
    threads(1)
    net = nn.Sequential(pruned_conv(0.1, 64, 64, 1, relu=True), pruned_conv(0.1, 64, 64, 3, padding=1)).eval()
    xs = numbers(6, (3, 40, 70, 64))
    plan = mg.compile(net, xs.shape)
    assert [(step.algorithm, step.images) for step in plan.steps] == [("CSR", 3), ("CSR", 3)]
    alone = mg.compile(net, (1, *xs.shape[1:]))
    assert same_bits(alone(xs[1:2].copy()), plan(xs)[1:2].copy())


def test_dense_layers_stay_dense_and_print_no_reasons():
    plan = mg.compile(pruned_conv(1, 16, 16, 3, padding=1), (1, 8, 8, 16))
    assert "CSR" not in repr(plan) and "because" not in repr(plan)


def test_the_plan_says_why_a_layer_is_what_it_is():
    plan = mg.compile(nn.Sequential(pruned_conv(0.1, 64, 64, 1), pruned_conv(0.65, 64, 64, 3, padding=1)).eval(), (2, 14, 14, 64))
    assert [step.algorithm for step in plan.steps if step.why] == ["CSR", "winograd"]
    assert "density 0.1" in repr(plan) and "because" in repr(plan) and "of direct" in repr(plan)


def test_a_residual_and_an_activation_are_part_of_the_sparse_call():
    class Block(nn.Module):
        def __init__(self):
            self.conv = pruned_conv(0.05, 48, 48, 3, padding=1)

        def forward(self, x):
            return mg.ops.silu(self.conv(x) + x)

    block, x = Block().eval(), numbers(2, (2, 9, 9, 48))
    first = nn.Sequential(pruned_conv(0.05, 48, 48, 1), block).eval()
    plan = mg.compile(first, x.shape)
    assert [step.algorithm for step in plan.steps] == ["CSR", "CSR"]
    assert np.allclose(plan(x), exact(first, x), atol=1e-5)


def test_a_linear_layer_with_few_weights_is_sparse_too():
    mg.manual_seed(0)
    linear = nn.Linear(300, 200)
    linear.weight.data[np.random.default_rng(0).random(linear.weight.shape) >= 0.05] = 0
    model, x = nn.Sequential(nn.GlobalAvgPool2d(), linear).eval(), numbers(3, (5, 2, 2, 300))
    plan = mg.compile(model, x.shape)
    assert plan.steps[-1].algorithm == "CSR" and np.allclose(plan(x), exact(model, x), atol=1e-5)


def test_bits_do_not_depend_on_the_number_of_threads(threads):
    conv, x = pruned_conv(0.1, 40, 56, 3, padding=1, relu=True), numbers(4, (3, 14, 14, 40))
    plan = mg.compile(conv, x.shape)
    results = []
    for n in (1, 2, 3):
        threads(n)
        results.append(plan(x))
    assert all(same_bits(y, results[0]) for y in results)


def test_batch_invariant_chooses_as_for_some_images():
    conv = pruned_conv(0.1, 64, 64, 3, padding=1)
    xs = numbers(5, (4, 7, 7, 64))
    together = mg.compile(conv, xs.shape, algorithm="batch_invariant")(xs)
    alone = mg.compile(conv, (1, 7, 7, 64), algorithm="batch_invariant")(xs[2:3].copy())
    assert same_bits(alone, together[2:3].copy())


def test_tune_must_be_a_bool():
    with pytest.raises(TypeError, match="compile: `tune` is"):
        mg.compile(nn.Conv2d(3, 4, 1), (1, 4, 4, 3), tune="fast")
