"""Small graphs, each with something that files of other systems do, against onnx's own evaluator."""

import numpy as np
import pytest

import minigoog as mg
from minigoog.ops.channel_affine import ChannelAffine
from minigoog.ops.transpose import ChannelShuffle, Transpose

from .judge import TOLERANCE, distance, imported, layouts, model, random, run

pytest.importorskip("onnx")


def weights(**shapes):
    return {name: random(*shape, seed=i) for i, (name, shape) in enumerate(shapes.items())}


def batch_norm(name, channels):
    """The four inputs of a BatchNormalization."""
    rng = np.random.default_rng(5)
    return {f"{name}.scale": rng.uniform(0.5, 1.5, channels).astype(np.float32), f"{name}.bias": random(channels),
            f"{name}.mean": random(channels, seed=1), f"{name}.var": rng.uniform(0.5, 2, channels).astype(np.float32)}  # fmt: skip


def judged(proto, path, *arrays):
    """(the network, its tape), after its results were found equal to those of onnx's evaluator and of a plan."""
    from onnx.reference import ReferenceEvaluator

    names = [value.name for value in proto.graph.input]
    expected = ReferenceEvaluator(proto).run(None, dict(zip(names, arrays, strict=True)))
    network = imported(proto, path)
    ys = run(network, *arrays)
    assert all(distance(y, e) < TOLERANCE for y, e in zip(ys, expected, strict=True))
    assert all(np.std(e) > 0.01 * np.abs(e).max() for e in expected)  # a constant would not say anything
    return network, tape(network, *arrays)


def tape(network, *arrays):
    xs = [a if last or a.ndim != 4 else a.transpose(0, 2, 3, 1) for a, last in zip(arrays, layouts(network), strict=True)]
    y = network(*(mg.Tensor(np.ascontiguousarray(x), requires_grad=True) for x in xs))
    return (y[0] if isinstance(y, tuple) else y).tape()


def kinds(tape):
    return [op.name for op in tape]


def test_a_flattened_map_is_not_moved_the_rows_of_the_weights_are(tmp_path):
    nodes = [("Flatten", ["x"], ["f"], {}), ("Relu", ["f"], ["r"], {}), ("Gemm", ["r", "fc.weight", "fc.bias"], ["y"], {"transB": 1})]
    network, found = judged(model(nodes, {"x": ["n", 4, 3, 5]}, ["y"], weights(**{"fc.weight": (6, 60), "fc.bias": (6,)})), tmp_path,
                            random(2, 4, 3, 5))  # fmt: skip
    assert kinds(found) == ["ReLU", "Reshape", "Linear"] and list(network.state_dict()) == ["fc.weight", "fc.bias"]


ADDED = ("Add", ["m", "b"], ["y"], {})


@pytest.mark.parametrize("layer, zeros", [
    (("MatMul", ["x", "w"], ["m"], {}), np.zeros(3, np.float32)),
    (("Gemm", ["x", "w"], ["m"], {}), np.zeros((1, 3), np.float32)),
    (("Conv", ["image", "k"], ["m"], {}), np.zeros((4, 1, 1), np.float32)),
    (("Conv", ["image", "k"], ["m"], {}), np.zeros((), np.float32)),
])  # fmt: skip
def test_zeros_that_are_added_after_a_layer_are_a_bias_which_training_can_change(layer, zeros, tmp_path):
    inputs, x = ({"x": ["n", 6]}, random(2, 6)) if layer[1][0] == "x" else ({"image": ["n", 2, 4, 4]}, random(2, 2, 4, 4))
    stored = weights(**({"w": (6, 3)} if layer[1][0] == "x" else {"k": (4, 2, 3, 3)}))
    without = layer[0], layer[1], ["y"], layer[3]
    network, _ = judged(model([layer, ADDED], inputs, ["y"], stored | {"b": zeros}), tmp_path, x)
    bare, _ = judged(model([without], inputs, ["y"], stored), tmp_path, x)
    bias = [name for name in network.state_dict() if name.endswith("bias")]
    assert len(bias) == 1 and not network.state_dict()[bias[0]].any()
    assert not any(name.endswith("bias") for name in bare.state_dict())


def test_a_reshape_that_cuts_channels_falls_back_to_the_order_of_the_file(tmp_path):
    nodes = [("Reshape", ["x", "s"], ["r"], {}), ("MatMul", ["r", "w"], ["y"], {})]
    shape = {"s": np.array([0, 6, 10])}
    judged(model(nodes, {"x": [2, 4, 3, 5]}, ["y"], weights(w=(10, 3)) | shape), tmp_path, random(2, 4, 3, 5))


def test_transposes_of_a_writer_with_channels_last_cancel(tmp_path):
    nodes = [
        ("Sub", ["x", "mean"], ["s"], {}), ("Transpose", ["s"], ["t"], {"perm": [0, 3, 1, 2]}),
        ("Conv", ["t", "w"], ["c"], {"auto_pad": "SAME_UPPER", "strides": [2, 2]}), ("Transpose", ["c"], ["u"], {"perm": [0, 2, 3, 1]}),
        ("Flatten", ["u"], ["f"], {}), ("MatMul", ["f", "k"], ["m"], {}), ("Add", ["m", "b"], ["y"], {}),
    ]  # fmt: skip
    stored = weights(w=(4, 3, 3, 3), k=(5 * 4 * 4, 2), b=(2,), mean=(3,))
    network, found = judged(model(nodes, {"x": ["n", 9, 8, 3]}, ["y"], stored), tmp_path, random(2, 9, 8, 3))
    assert not any(isinstance(op, Transpose) for op in found) and kinds(found)[-1] == "Linear" and network.input_size == (9, 8, 3)


def test_a_channel_shuffle_is_one_operation(tmp_path):
    nodes = [("Reshape", ["x", "split"], ["a"], {}), ("Transpose", ["a"], ["b"], {"perm": [0, 2, 1, 3, 4]}),
             ("Reshape", ["b", "whole"], ["c"], {}), ("Conv", ["c", "w"], ["y"], {})]  # fmt: skip
    shapes = {"split": np.array([1, 3, 4, 5, 6]), "whole": np.array([1, 12, 5, 6])}
    _, found = judged(model(nodes, {"x": [1, 12, 5, 6]}, ["y"], weights(w=(7, 12, 1, 1)) | shapes), tmp_path, random(1, 12, 5, 6))
    assert [type(op) for op in found if isinstance(op, (ChannelShuffle, Transpose))] == [ChannelShuffle]


def test_normalisation_and_the_scale_layer_after_it_are_in_the_weights(tmp_path):
    nodes = [("Conv", ["x", "c.weight", "c.bias"], ["a"], {"pads": [1, 0, 2, 1]}),
             ("BatchNormalization", ["a", "n.scale", "n.bias", "n.mean", "n.var"], ["b"], {"epsilon": 1e-3}),
             ("Mul", ["b", "s"], ["d"], {}), ("Add", ["d", "t"], ["e"], {}), ("Relu", ["e"], ["y"], {})]  # fmt: skip
    stored = weights(**{"c.weight": (4, 2, 3, 2), "c.bias": (4,), "s": (4, 1, 1), "t": (1, 4, 1, 1)}) | batch_norm("n", 4)
    network, found = judged(model(nodes, {"x": ["n", 2, 6, 7]}, ["y"], stored), tmp_path, random(3, 2, 6, 7))
    assert kinds(found) == ["Conv2d", "ReLU"] and list(network.state_dict()) == ["c.weight", "c.bias"]


def test_normalisation_of_what_another_node_reads_too_is_an_operation(tmp_path):
    nodes = [("Conv", ["x", "w"], ["a"], {}), ("BatchNormalization", ["a", "n.scale", "n.bias", "n.mean", "n.var"], ["b"], {}),
             ("Add", ["a", "b"], ["y"], {})]  # fmt: skip
    proto = model(nodes, {"x": ["n", 2, 6, 7]}, ["y"], weights(w=(4, 2, 1, 1)) | batch_norm("n", 4))
    _, found = judged(proto, tmp_path, random(2, 2, 6, 7))
    assert kinds(found) == ["Conv2d", "ChannelAffine", "Add"]


@pytest.mark.parametrize("op", ["Add", "Sub", "Mul", "Div"])
@pytest.mark.parametrize("first", [False, True], ids=["x op c", "c op x"])
@pytest.mark.parametrize("shape", [(), (1,), (3, 1, 1), (1, 3, 1, 1), (5,), (4, 5), (3, 4, 5)])
def test_constants_are_broadcast_to_maps_by_the_rules_of_the_file(tmp_path, op, first, shape):
    constant = {"c": np.abs(random(*shape)) + np.float32(0.5)}
    proto = model([(op, ["c", "x"] if first else ["x", "c"], ["y"], {})], {"x": ["n", 3, 4, 5]}, ["y"], constant)
    judged(proto, tmp_path, np.abs(random(2, 3, 4, 5)) + np.float32(0.5))


@pytest.mark.parametrize("a, b", [((2, 3, 4, 5), (2, 3, 1, 1)), ((2, 3, 1, 1), (2, 3, 4, 5)), ((2, 3, 4, 5), (3, 4, 5)), ((2, 6), (2, 6)),
                                  ((2, 3, 4, 5), (2, 1, 4, 5))])  # fmt: skip
@pytest.mark.parametrize("op", ["Add", "Sub", "Mul", "Div"])
def test_two_computed_values_are_broadcast(tmp_path, op, a, b):
    proto = model([(op, ["a", "b"], ["y"], {})], {"a": list(a), "b": list(b)}, ["y"])
    judged(proto, tmp_path, random(*a), np.abs(random(*b)) + np.float32(0.5))


def hard_swish(extra=()):
    return [("Add", ["x", "three"], ["a"], {}), ("Clip", ["a", "zero", "six"], ["b"], {}), ("Mul", ["b", "x"], ["c"], {}),
            ("Div", ["c", "six"], ["y"], {}), *extra]  # fmt: skip


LIMITS = {"three": np.float32(3), "zero": np.float32(0), "six": np.float32(6)}


def test_hard_swish_and_silu_that_are_spelled_out_are_one_operation_each(tmp_path):
    nodes = [*hard_swish(), ("Sigmoid", ["y"], ["g"], {}), ("Mul", ["g", "y"], ["z"], {})]
    _, found = judged(model(nodes, {"x": [2, 3, 4, 5]}, ["z"], LIMITS), tmp_path, 4 * random(2, 3, 4, 5))
    assert kinds(found) == ["HardSwish", "SiLU"]


def test_hard_swish_whose_parts_are_read_elsewhere_stays_spelled_out(tmp_path):
    nodes = hard_swish([("Add", ["y", "b"], ["z"], {})])
    _, found = judged(model(nodes, {"x": [2, 3, 4, 5]}, ["z"], LIMITS), tmp_path, 4 * random(2, 3, 4, 5))
    assert "HardSwish" not in kinds(found) and "Clip" in kinds(found)


def test_torchvisions_transform_of_the_input_is_one_scale_and_shift(tmp_path):
    nodes, numbers = [], {}
    for i in range(3):
        numbers |= {f"i{i}": np.array(i), f"s{i}": np.float32(0.4 + i), f"t{i}": np.float32(-0.1 * i), "one": np.array([1])}
        nodes += [("Gather", ["x", f"i{i}"], [f"g{i}"], {"axis": 1}), ("Unsqueeze", [f"g{i}", "one"], [f"u{i}"], {}),
                  ("Mul", [f"u{i}", f"s{i}"], [f"m{i}"], {}), ("Add", [f"m{i}", f"t{i}"], [f"a{i}"], {})]  # fmt: skip
    nodes.append(("Concat", ["a0", "a1", "a2"], ["y"], {"axis": 1}))
    _, found = judged(model(nodes, {"x": ["n", 3, 4, 5]}, ["y"], numbers), tmp_path, random(2, 3, 4, 5))
    assert [type(op) for op in found] == [ChannelAffine]


def test_parts_of_channels_come_and_go(tmp_path):
    nodes = [("Split", ["x"], ["a", "b"], {"axis": 1}), ("Relu", ["b"], ["c"], {}), ("Concat", ["c", "a"], ["d"], {"axis": 1}),
             ("Slice", ["d", "start", "end", "axes", "steps"], ["y"], {})]  # fmt: skip
    numbers = {"start": np.array([5, 0]), "end": np.array([-99, 4]), "axes": np.array([1, 3]), "steps": np.array([-2, 2])}
    judged(model(nodes, {"x": ["n", 6, 4, 5]}, ["y"], numbers), tmp_path, random(2, 6, 4, 5))


def test_a_batch_of_one_that_is_written_into_a_shape_is_the_batch(tmp_path):
    nodes = [("GlobalAveragePool", ["x"], ["p"], {}), ("Reshape", ["p", "s"], ["y"], {})]
    network, _ = judged(model(nodes, {"x": [1, 6, 4, 5]}, ["y"], {"s": np.array([1, 6])}), tmp_path, random(1, 6, 4, 5))
    x = random(3, 6, 4, 5)
    assert distance(run(network, x)[0], x.mean((2, 3))) < TOLERANCE


def test_shapes_that_are_computed_follow_the_input(tmp_path):
    nodes = [("Conv", ["x", "w"], ["c"], {"auto_pad": "SAME_LOWER", "strides": [2, 3]}), ("Shape", ["c"], ["s"], {}),
             ("Gather", ["s", "i"], ["n"], {}), ("Unsqueeze", ["n", "zero"], ["u"], {}), ("Concat", ["u", "rest"], ["t"], {"axis": 0}),
             ("Reshape", ["c", "t"], ["y"], {})]  # fmt: skip
    numbers = {"i": np.array(0), "zero": np.array([0]), "rest": np.array([-1])}
    proto = model(nodes, {"x": ["n", 2, None, None]}, ["y"], weights(w=(4, 2, 3, 4)) | numbers)
    network = imported(proto, tmp_path)
    from onnx.reference import ReferenceEvaluator

    judge = ReferenceEvaluator(proto)
    for shape in ((1, 2, 9, 9), (2, 2, 8, 13), (3, 2, 5, 4), (1, 2, 9, 9)):
        x = random(*shape)
        assert distance(run(network, x)[0], judge.run(None, {"x": x})[0]) < TOLERANCE
    assert network.input_size == (None, None, 2) and len(network.parameters()) == 1


def test_weights_behind_dequantize_linear_are_numbers(tmp_path):
    nodes = [("DequantizeLinear", ["q", "scale", "zero"], ["w"], {"axis": 0}), ("Conv", ["x", "w"], ["y"], {})]
    stored = {"q": np.random.default_rng(0).integers(-128, 127, (4, 3, 3, 3)).astype(np.int8), "scale": np.abs(random(4)) + np.float32(0.1),
              "zero": np.array([3, 0, -5, 7], np.int8)}  # fmt: skip
    judged(model(nodes, {"x": ["n", 3, 6, 7]}, ["y"], stored, opset=21), tmp_path, random(2, 3, 6, 7))


def classifier():
    nodes = [("Conv", ["x", "features.0.conv.weight"], ["a"], {"pads": [1, 1, 1, 1], "group": 3}), ("Relu", ["a"], ["b"], {}),
             ("GlobalAveragePool", ["b"], ["p"], {}), ("Flatten", ["p"], ["f"], {}),
             ("Gemm", ["f", "fc.weight", "fc.bias"], ["l"], {"transB": 1}), ("Softmax", ["l"], ["y"], {})]  # fmt: skip
    shapes = {"features.0.conv.weight": (6, 1, 3, 3), "fc.weight": (5, 6), "fc.bias": (5,)}
    return model(nodes, {"x": ["n", 3, 6, 7]}, ["y"], weights(**shapes))


def test_modules_have_the_paths_of_their_weights(tmp_path):
    network = imported(classifier(), tmp_path)
    assert list(network.state_dict()) == ["features.0.conv.weight", "fc.weight", "fc.bias"]
    assert isinstance(network.features, mg.nn.Module) and type(network.fc) is mg.nn.Linear


def test_an_imported_network_is_trained_and_its_weights_are_loaded(tmp_path):
    network, other = imported(classifier(), tmp_path), imported(classifier(), tmp_path)
    network.logits = True
    assert network.ends_with_softmax
    optimizer = mg.optim.SGD(network.parameters(), 0.1)
    x, labels = mg.Tensor(random(4, 6, 7, 3)), np.array([0, 1, 2, 3])
    losses = []
    for _ in range(30):
        loss = mg.ops.cross_entropy(network(x), labels)
        network.zero_grad()
        loss.backward()
        assert all(p.grad is not None and np.abs(p.grad).max() > 0 for p in network.parameters())
        optimizer.step()
        losses.append(float(loss))
    assert losses[-1] < losses[0]
    other.load_state_dict(network.state_dict())
    other.logits = True
    assert np.array_equal(other(x).data, network(x).data)


def test_a_plan_and_a_summary_of_an_imported_network(tmp_path):
    network, x = imported(classifier(), tmp_path), random(2, 6, 7, 3)
    with mg.no_grad():
        expected = network(mg.Tensor(x)).data
    assert np.abs(mg.compile(network, x.shape)(x) - expected).max() < 1e-6
    assert "features.0.conv" in str(mg.summary(network, x.shape[1:]))


def test_several_results_are_a_tuple(tmp_path):
    nodes = [("Relu", ["x"], ["a"], {}), ("GlobalAveragePool", ["a"], ["p"], {}), ("Flatten", ["p"], ["b"], {})]
    network, _ = judged(model(nodes, {"x": [2, 3, 4, 5]}, ["a", "b"]), tmp_path, random(2, 3, 4, 5))
    assert network.outputs == ("a", "b") and not network.ends_with_softmax


def test_a_network_that_ran_and_is_pruned_then_runs_the_sparse_layers(tmp_path):
    pytest.importorskip("onnx", reason="onnx is not installed: no network was exported")
    mg.manual_seed(0)
    model, x = mg.models.TinyInception().eval(), mg.Tensor(np.random.default_rng(0).normal(size=(2, 8, 8, 1)).astype(np.float32))
    mg.save_onnx(model, tmp_path / "tiny.onnx", (8, 8, 1))
    imported = mg.load(tmp_path / "tiny.onnx", preprocess="unit")
    imported.logits = True
    dense = imported(x).data
    mg.nn.prune(imported, 0.3)
    pruned = imported(x).data
    assert np.abs(pruned - dense).max() > 1e-3
    np.testing.assert_allclose(pruned, mg.nn.prune(model, 0.3)(x).data, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(mg.compile(imported, x.shape)(x.data), pruned, rtol=1e-4, atol=1e-5)
