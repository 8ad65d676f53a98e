"""A network from an ONNX file, in minigoog and in its peers, on the same images.

Each is a function (path, batch, threads) that returns what to time: a function that gives the network's first output."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from minigoog.files import atomic_write

Run = Callable[[], Any]
SIDE = 224  # pixels, where a file leaves the size open


def images(batch: int, height: int, width: int, channels: int) -> Any:
    """The same images for all: NHWC."""
    return np.random.default_rng(0).standard_normal((batch, height, width, channels), np.float32)


def minigoog(path: str, batch: int, threads: int) -> Run:
    """This package, as a plan."""
    import minigoog as mg

    mg.set_num_threads(threads)
    model = mg.load(path)
    x = images(batch, *(model.input_size or (SIDE, SIDE, 3)))
    plan = mg.compile(model, x.shape)
    several = plan.output_type is not None

    def run() -> Any:
        y = plan(x)
        return as_row(y[0] if several else y)

    run.facts = {"multiply_adds": sum(step.multiply_adds for step in plan.steps)}  # type: ignore[attr-defined]
    return run


def onnxruntime(path: str, batch: int, threads: int) -> Run:
    """ONNX Runtime."""
    import onnxruntime as ort

    settings = ort.SessionOptions()
    settings.intra_op_num_threads, settings.inter_op_num_threads = threads, 1
    session = ort.InferenceSession(file_for(path, batch), settings, providers=["CPUExecutionProvider"])
    [given] = session.get_inputs()
    x = images(batch, *size_of(given.shape)).transpose(0, 3, 1, 2).copy()
    first = session.get_outputs()[0].name
    return lambda: as_row(session.run([first], {given.name: x})[0])


def openvino(path: str, batch: int, threads: int) -> Run:
    """OpenVINO, set to float32."""
    import openvino as ov

    settings = {"INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": 1}
    core = ov.Core()
    model = core.read_model(file_for(path, batch))
    shape = [int(n.get_length()) if n.is_static else None for n in model.input(0).partial_shape]
    compiled = core.compile_model(model, "CPU", settings)
    request, x = compiled.create_infer_request(), images(batch, *size_of(shape)).transpose(0, 3, 1, 2).copy()

    def run() -> Any:
        return as_row(next(iter(request.infer([x], share_inputs=True).values())))

    return run


def as_row(y: Any) -> Any:
    """A map of one pixel, of whatever layout, as a row."""
    return y.reshape(len(y), -1) if y.size == len(y) * max(y.shape[1:]) else y


def size_of(shape: Any) -> tuple[int, int, int]:
    """(height, width, channels) of an input NCHW."""
    _, c, h, w = (n if isinstance(n, int) else None for n in shape)
    return h or SIDE, w or SIDE, c or 3


def copy_of(path: str, batch: int) -> Path:
    """Where the copy for `batch` images is, of a file that is for one image only."""
    return Path(path).with_suffix(f".batch{batch}")


def file_for(path: str, batch: int) -> str:
    """The file that a peer reads: the copy, if `for_batch` has made one."""
    copy = copy_of(path, batch)
    return str(copy) if copy.exists() else path


def for_batch(path: str, batch: int) -> None:
    """Makes a copy of the file for `batch` images, beside it, if the file is for one image only."""
    import onnx

    model = onnx.load(path, load_external_data=False)
    axis = first_axis(model)
    if axis.dim_value in (0, batch) or copy_of(path, batch).exists():
        return
    widen(model, axis.dim_value, batch)
    with atomic_write(copy_of(path, batch)) as file:
        file.write(model.SerializeToString())


def first_axis(model: Any) -> Any:
    """The axis of images of the network's input."""
    weights = {tensor.name for tensor in model.graph.initializer}
    return next(value for value in model.graph.input if value.name not in weights).type.tensor_type.shape.dim[0]


def widen(model: Any, old: int, batch: int) -> None:
    """Makes a graph for `old` images one for `batch`: its input, its outputs, and the shapes that it reshapes maps to."""
    from onnx import numpy_helper

    first_axis(model).dim_value = batch
    for value in model.graph.output:
        value.type.tensor_type.shape.dim[0].dim_value = batch
    del model.graph.value_info[:]
    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type == "Reshape" and node.input[0] not in weights and (tensor := weights.get(node.input[1])):
            shape = numpy_helper.to_array(tensor).copy()
            if shape[0] == old:
                shape[0] = batch
                tensor.CopyFrom(numpy_helper.from_array(shape, tensor.name))


CONTESTANTS: dict[str, Callable[[str, int, int], Run]] = {"minigoog": minigoog, "ONNX Runtime": onnxruntime, "OpenVINO": openvino}
