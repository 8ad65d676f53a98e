"""GoogLeNet in minigoog and in its peers, from the same weights and on the same images.

Each is a function (task, batch, threads) that returns what to time: a function that gives the logits, and in training (logits,
gradient of the first layer's weights, HWIO). Libraries are imported only by the contestant that needs them."""

import contextlib
from collections.abc import Callable
from typing import Any

import numpy as np

Run = Callable[[], Any]

RATE, MOMENTUM = 1e-6, 0.9  # so small a rate that the weights, and so the work, hardly change


def images(batch: int) -> Any:
    """The same images for all: NHWC."""
    return np.random.default_rng(0).standard_normal((batch, 224, 224, 3), np.float32)


def model(heads: bool) -> Any:
    """minigoog's network, whose weights all use; no dropout, so that outputs can be compared."""
    import minigoog as mg

    mg.manual_seed(0)
    network = mg.models.GoogLeNet(aux_heads=heads)
    for _, module in network.named_modules():
        if isinstance(module, mg.nn.Dropout):
            module.p = 0.0
    return network


def minigoog(task: str, batch: int, threads: int, precision: str = "float32") -> Run:
    """This package, through the tape; an older build knows float32 only."""
    import minigoog as mg

    mg.set_num_threads(threads)
    network, x, labels = model(task == "train"), mg.Tensor(images(batch)), np.arange(batch) % 1000
    if task == "inference":
        network.eval()

        def run() -> Any:
            with mg.no_grad():
                return network(x).data

        return run
    optimizer = mg.optim.SGD(network.parameters(), RATE, MOMENTUM)

    def step() -> tuple[Any, Any]:
        optimizer.zero_grad()
        with contextlib.nullcontext() if precision == "float32" else mg.autocast(precision):
            outputs = network(x)
        mg.losses.googlenet_loss(outputs, labels).backward()
        optimizer.step()
        return outputs.logits.data, network.conv1.weight.grad

    return step


def minigoog_compiled(task: str, batch: int, threads: int) -> Run:
    """This package, as a plan of prepared kernel calls."""
    import minigoog as mg

    mg.set_num_threads(threads)
    plan, x = mg.compile(model(False), (batch, 224, 224, 3)), images(batch)

    def run() -> Any:
        return plan(x)

    run.facts = {"packed_mib": plan.constant_bytes / 2**20}  # type: ignore[attr-defined]
    return run


def minigoog_compiled_alone(task: str, batch: int, threads: int) -> Run:
    """The same on one thread, to show the gain from more cores."""
    return minigoog_compiled(task, batch, 1)


def torch_channels_last(task: str, batch: int, threads: int) -> Run:
    """PyTorch in the layout that suits it best; googlenet.py has its allocator keep memory."""
    return _torch(task, batch, threads, channels_last=True)


def torch_default(task: str, batch: int, threads: int) -> Run:
    """PyTorch with default settings."""
    return _torch(task, batch, threads, channels_last=False)


def torch_channels_last_autocast(task: str, batch: int, threads: int) -> Run:
    """PyTorch in that layout, with autocast to bfloat16."""
    return _torch(task, batch, threads, channels_last=True, autocast=True)


def _torch(task: str, batch: int, threads: int, channels_last: bool, autocast: bool = False) -> Run:
    import torch
    from torch_googlenet import torch_googlenet

    torch.set_num_threads(threads)
    layout = torch.channels_last if channels_last else torch.contiguous_format
    network = torch_googlenet(model(task == "train")).to(memory_format=layout)
    x = torch.from_numpy(images(batch).transpose(0, 3, 1, 2).copy()).contiguous(memory_format=layout)
    if task == "inference":

        def run() -> Any:
            with torch.inference_mode():
                return network(x)[0].numpy()

        return run
    labels = torch.arange(batch) % 1000
    optimizer = torch.optim.SGD(network.parameters(), RATE, MOMENTUM)

    def step() -> tuple[Any, Any]:
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            outputs = network(x)
        main, *heads = (torch.nn.functional.cross_entropy(y, labels) for y in (y.float() for y in outputs))
        (main + 0.3 * sum(heads)).backward()
        optimizer.step()
        return outputs[0].detach().float().numpy(), network.stem[0].layer.weight.grad.permute(2, 3, 1, 0).numpy()

    return step


def onnxruntime(task: str, batch: int, threads: int) -> Run:
    """ONNX Runtime on a graph written from the weights."""
    import onnxruntime as ort
    from onnx_googlenet import onnx_googlenet

    settings = ort.SessionOptions()
    settings.intra_op_num_threads, settings.inter_op_num_threads = threads, 1
    session = ort.InferenceSession(onnx_googlenet(model(False), batch), settings, providers=["CPUExecutionProvider"])
    x = np.ascontiguousarray(images(batch).transpose(0, 3, 1, 2))

    def run() -> Any:
        return session.run(None, {"x": x})[0]

    return run


def openvino(task: str, batch: int, threads: int) -> Run:
    """OpenVINO on the same graph, set to float32 (by default it uses bfloat16 where the processor has it)."""
    import openvino as ov
    from onnx_googlenet import onnx_googlenet

    settings = {"INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": 1}
    core = ov.Core()
    compiled = core.compile_model(core.read_model(onnx_googlenet(model(False), batch)), "CPU", settings)
    request, x = compiled.create_infer_request(), np.ascontiguousarray(images(batch).transpose(0, 3, 1, 2))

    def run() -> Any:
        return next(iter(request.infer({"x": x}, share_inputs=True).values()))

    return run


CONTESTANTS: dict[str, Callable[[str, int, int], Run]] = {
    "minigoog": minigoog,
    "minigoog compiled": minigoog_compiled,
    "minigoog compiled, 1 thread": minigoog_compiled_alone,
    "PyTorch channels-last": torch_channels_last,
    "PyTorch default": torch_default,
    "ONNX Runtime": onnxruntime,
    "OpenVINO": openvino,
}
