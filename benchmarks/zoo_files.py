"""python benchmarks/zoo_files.py FOLDER [NAME ...]: writes classic networks as .onnx files, with weights that follow from a seed.

Nine come with the `onnx` package without weights (a ConstantOfShape each), nine from torchvision, through both of PyTorch's exporters:
NAME.dynamo.onnx (the default one, weights in a second file) and NAME.script.onnx. Weights are random, so that every value depends on the
input: He's deviation, and batch normalisation with the statistics of random images, changed by some percent. Needs the extra `bench` and
torchvision. Files that are there are kept."""

import argparse
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

LIGHT = ("bvlc_alexnet", "densenet121", "inception_v1", "inception_v2", "resnet50", "shufflenet", "squeezenet", "vgg19", "zfnet512")
TORCHVISION = (
    "googlenet", "inception_v3", "resnet18", "mobilenet_v2", "mobilenet_v3_small", "efficientnet_b0", "shufflenet_v2_x1_0", "densenet121",
    "vgg16",
)  # fmt: skip
EXPORTERS = {"dynamo": True, "script": False}
SIZES = {"inception_v3": 299}  # pixels of a side; of the others 224
Floats = NDArray[np.float32]


def size(name: str) -> int:
    """The side of the images of a network, by its file's name."""
    return SIZES.get(name.partition(".")[0], 224)


def names() -> list[str]:
    """The files, without `.onnx`."""
    return [f"light_{name}" for name in LIGHT] + [f"{name}.{exporter}" for name in TORCHVISION for exporter in EXPORTERS]


def write(folder: Path, name: str) -> Path:
    """Writes the file of this name into a folder, unless it is there; returns its path."""
    path = folder / f"{name}.onnx"
    if not path.exists():
        light(path, name) if name.startswith("light_") else exported(path, *name.split("."))
    return path


# ---- the graphs of the package onnx ----


def light(path: Path, name: str) -> None:
    """Writes one of the graphs of the onnx package, its weights seeded."""
    import onnx
    from onnx.backend.test import data

    model = onnx.load(Path(list(data.__path__)[0]) / "light" / f"{name}.onnx")
    graph, rng = model.graph, np.random.default_rng(0)
    shapes = {t.name: tuple(onnx.numpy_helper.to_array(t)) for t in graph.initializer if t.name.endswith("__SHAPE")}
    readers = _readers(graph)
    made = {n.output[0]: shapes[n.input[0]] for n in graph.node if n.op_type == "ConstantOfShape"}
    weights = {value: seeded(rng, shape, *_use(value, readers)) for value, shape in made.items()}
    _replace_constants(graph, weights, shapes)
    _calibrate(model, weights, rng)
    onnx.save(model, path)


def _readers(graph: Any) -> dict[str, tuple[Any, int]]:
    """value -> (a node that reads it, as which input)."""
    return {value: (node, i) for node in graph.node for i, value in enumerate(node.input)}


def _use(value: str, readers: dict[str, tuple[Any, int]]) -> tuple[str, int]:
    """(operation, input) for which a weight is there, behind reshapings."""
    node, i = readers[value]
    return _use(node.output[0], readers) if node.op_type in ("Unsqueeze", "Reshape") else (node.op_type, i)


def seeded(rng: np.random.Generator, shape: tuple[int, ...], operation: str, i: int) -> Floats:
    """Random weights for input `i` of an operation."""
    if operation in ("Conv", "Gemm") and i == 1:
        values = rng.standard_normal(shape) * np.sqrt(2 / np.prod(shape[1:]))
    elif (operation, i) in (("BatchNormalization", 1), ("BatchNormalization", 4), ("Mul", 1)):
        values = rng.uniform(0.5, 1.5, shape)
    else:
        values = 0.1 * rng.standard_normal(shape)
    return values.astype(np.float32)


def _replace_constants(graph: Any, weights: dict[str, Floats], shapes: dict[str, tuple[int, ...]]) -> None:
    """Puts stored weights in the place of the nodes ConstantOfShape; IR 3 lists them among the inputs too."""
    from onnx import TensorProto, helper, numpy_helper

    nodes = [node for node in graph.node if node.op_type != "ConstantOfShape"]
    initializers = [tensor for tensor in graph.initializer if tensor.name not in shapes]
    inputs = [value for value in graph.input if value.name not in shapes]
    del graph.node[:], graph.initializer[:], graph.input[:]
    graph.node.extend(nodes)
    graph.initializer.extend(initializers + [numpy_helper.from_array(array, name) for name, array in weights.items()])
    graph.input.extend(inputs + [helper.make_tensor_value_info(name, TensorProto.FLOAT, a.shape) for name, a in weights.items()])


def _calibrate(model: Any, weights: dict[str, Floats], rng: np.random.Generator) -> None:
    """Sets means and variances of batch normalisation to those of a random image, changed a little."""
    from onnx import numpy_helper

    norms = [node for node in model.graph.node if node.op_type == "BatchNormalization"]
    found = _statistics(model, norms) if norms else {}
    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    for node in norms:
        mean, variance = found[node.input[0]]
        for name, values in ((node.input[3], mean), (node.input[4], variance)):
            changed = values * rng.uniform(0.9, 1.1, values.shape)
            tensors[name].CopyFrom(numpy_helper.from_array(changed.astype(np.float32), name))


def _statistics(model: Any, norms: list[Any]) -> dict[str, tuple[Floats, Floats]]:
    """value -> (mean, variance) of each channel before a normalisation, in one run in which each normalises its own image."""
    import onnx
    import onnxruntime

    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    for node in copy.graph.node:
        if node.op_type == "BatchNormalization":
            node.op_type = "InstanceNormalization"
            del node.input[3:], node.output[1:]
            kept = [attribute for attribute in node.attribute if attribute.name == "epsilon"]
            del node.attribute[:]
            node.attribute.extend(kept)
    values = [node.input[0] for node in norms]
    copy.graph.output.extend(onnx.ValueInfoProto(name=value) for value in values)
    session = onnxruntime.InferenceSession(copy.SerializeToString(), providers=["CPUExecutionProvider"])
    results = session.run(values, {i.name: random_images(i.shape) for i in session.get_inputs() if len(i.shape) == 4})
    return {value: (y.mean((0, 2, 3)), y.var((0, 2, 3))) for value, y in zip(values, results, strict=True)}


def random_images(shape: tuple[Any, ...], seed: int = 1) -> Floats:
    """Normally distributed pixels; a free axis has length 1."""
    sizes = [n if isinstance(n, int) else 1 for n in shape]
    return np.random.default_rng(seed).standard_normal(sizes, dtype=np.float32)


# ---- torchvision ----


def exported(path: Path, name: str, exporter: str) -> None:
    """Writes a network of torchvision through one of PyTorch's exporters, for any number of images."""
    import torch

    torch.manual_seed(0)
    model, x = randomised(name), torch.randn(2, 3, size(name), size(name))
    dynamo = EXPORTERS[exporter]
    free: dict[str, Any] = {"dynamic_shapes": ({0: torch.export.Dim("batch")},)} if dynamo else {"dynamic_axes": {"image": {0: "batch"}}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(model, (x,), path, input_names=["image"], output_names=["logits"], dynamo=dynamo, **free)


def randomised(name: str) -> Any:
    """A network of torchvision in evaluation mode, its normalisations those of random images."""
    import torch
    import torchvision

    arguments = {"googlenet": {"aux_logits": False}, "inception_v3": {"aux_logits": True}}.get(name, {})
    inputs = {"transform_input": True} if name in ("googlenet", "inception_v3") else {}
    initial = {"init_weights": True} if name in ("googlenet", "inception_v3", "vgg16") else {}
    model = torchvision.models.get_model(name, weights=None, **arguments, **inputs, **initial)
    with torch.no_grad():
        for norm in _norms(model):
            norm.weight.uniform_(0.5, 1.5)
            norm.bias.normal_(0, 0.1)
            norm.momentum = None  # the mean over all batches
        model.train()(torch.randn(4, 3, size(name), size(name)))
        for norm in _norms(model):
            norm.running_mean *= torch.empty_like(norm.running_mean).uniform_(0.9, 1.1)
            norm.running_var *= torch.empty_like(norm.running_var).uniform_(0.9, 1.1)
    return model.eval()


def _norms(model: Any) -> Iterator[Any]:
    import torch

    return (module for module in model.modules() if isinstance(module, torch.nn.BatchNorm2d))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(names())}; default: all")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    for name in arguments.names or names():
        print(write(arguments.folder, name), flush=True)


if __name__ == "__main__":
    main()
